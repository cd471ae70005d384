package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// extract takes the program for linux/amd64 out of a package in memory.
func extract(b []byte, limits Limits) (Info, []byte, error) {
	var out bytes.Buffer
	info, err := Extract(context.Background(), section(b), linux(), &out, limits)
	return info, out.Bytes(), err
}

func linux() Program { return Program{Name: programName, OS: "linux", Arch: "amd64"} }

func section(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

// vectorFile is the committed file.
func vectorFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(vectorDir, name))
	require.NoError(tb, err, "make it with: go test ./supervisor/internal/archive -run Vectors -update")
	return b
}

func TestEveryVectorGetsItsVerdict(t *testing.T) {
	t.Parallel()
	for _, v := range vectors() {
		t.Run(v.file, func(t *testing.T) {
			t.Parallel()
			info, out, err := extract(vectorFile(t, v.file), limits())
			if v.check == "" {
				require.NoError(t, err)
				assert.Equal(t, amd64(), out)
				assert.EqualValues(t, len(out), info.Size)
				assert.Equal(t, programName, filepath.Base(info.Name))
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, v.check, refused.Check, err.Error())
			assert.NotContains(t, err.Error(), "\x1b")
			assert.Less(t, len(err.Error()), 400)
			assert.Zero(t, info)
		})
	}
}

func TestTheFormatIsToldByTheContent(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]Info{
		"good.elf":               {Format: Raw, Name: "otelcol", Size: 1000, Entries: 1, Unpacked: 1000},
		"good.tar.gz":            {Format: TarGzip, Name: "otelcol", Size: 1000, Entries: 2, Unpacked: 3584},
		"good.tar.zst":           {Format: TarZstd, Name: "otelcol", Size: 1000, Entries: 2, Unpacked: 3584},
		"good-directory.tar.zst": {Format: TarZstd, Name: "./bin/otelcol", Size: 1000, Entries: 4, Unpacked: 4608},
		"good-directory.zip":     {Format: Zip, Name: "bin/otelcol", Size: 1000, Entries: 2, Unpacked: 1000},
	} {
		info, _, err := extract(vectorFile(t, file), limits())
		require.NoError(t, err, file)
		assert.Equal(t, want, info, file)
	}
}

func TestAnotherArchitectureIsNamed(t *testing.T) {
	t.Parallel()
	_, out, err := extract(vectorFile(t, "arm64.tar.gz"), limits())
	require.ErrorContains(t, err, `"otelcol" is for arm64, this host is amd64`)
	assert.Empty(t, out, "nothing is written")
}

func TestAProgramForDarwinIsTakenThere(t *testing.T) {
	t.Parallel()
	b := vectorFile(t, "darwin.macho")
	_, err := Extract(t.Context(), section(b), Program{Name: programName, OS: "darwin", Arch: "arm64"}, io.Discard, limits())
	require.NoError(t, err)
	_, _, err = extract(b, limits())
	require.ErrorContains(t, err, "for darwin/arm64, this host is linux/amd64")
}

func TestWhatIsThereInsteadOfTheProgramIsNamed(t *testing.T) {
	t.Parallel()
	_, _, err := extract(vectorFile(t, "no-program.tar.gz"), limits())
	assert.ErrorContains(t, err, `no "otelcol" among its files ("LICENSE", "otelcol-contrib")`)
}

func TestWhatWasSeenInsteadOfAPackageIsSaid(t *testing.T) {
	t.Parallel()
	_, _, err := extract(vectorFile(t, "error-page.tar.gz"), limits())
	require.ErrorContains(t, err, "HTML")
	_, _, err = extract(vectorFile(t, "unknown.tar.gz"), limits())
	require.ErrorContains(t, err, "unknown format, it begins with 6e 6f 6e 65")
}

func TestALimitIsTheLastThatPasses(t *testing.T) {
	t.Parallel()
	for file, limit := range map[string]Limits{
		"good.elf":     {Entries: 1, Unpacked: 1000, Binary: 1000},
		"good.tar.gz":  {Entries: 2, Unpacked: 3584, Binary: 1000},
		"good.tar.zst": {Entries: 2, Unpacked: 3584, Binary: 1000},
		"good.zip":     {Entries: 2, Unpacked: 1001, Binary: 1000},
	} {
		b := vectorFile(t, file)
		_, _, err := extract(b, limit)
		require.NoError(t, err, file)
		for check, less := range map[Check]Limits{
			CheckEntries:  {limit.Entries - 1, limit.Unpacked, limit.Binary},
			CheckUnpacked: {limit.Entries, limit.Unpacked - 1, limit.Binary},
			CheckBinary:   {limit.Entries, limit.Unpacked, limit.Binary - 1},
		} {
			_, _, err := extract(b, less)
			var refused *RefusedError
			require.ErrorAs(t, err, &refused, "%s %s", file, check)
			assert.Equal(t, check, refused.Check, file)
		}
	}
}

func TestANameWithDirectoriesIsNotLookedFor(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "bin/otelcol", "otelcol/", "/"} {
		_, err := Extract(t.Context(), section(amd64()), Program{Name: name, OS: "linux", Arch: "amd64"}, io.Discard, limits())
		assert.ErrorContains(t, err, "without directories", name)
	}
}

// packed are the good vectors whose every byte is spoken for.
func packed() []string {
	return []string{"good.tar.gz", "good.tar.zst", "good.zip", "good-directory.tar.gz", "good-directory.tar.zst", "good-directory.zip", "good-descriptorless.zip"}
}

func TestNoPartOfAPackageIsAPackage(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"good.tar.gz", "good.tar.zst", "good.zip", "good-descriptorless.zip"} {
		whole := vectorFile(t, file)
		for n := range whole {
			_, _, err := extract(whole[:n], limits())
			var refused *RefusedError
			require.ErrorAs(t, err, &refused, "%d bytes of %s", n, file)
		}
	}
}

func TestAPackageAndAByteIsNoPackage(t *testing.T) {
	t.Parallel()
	for _, file := range packed() {
		for _, more := range []string{"\x00", "x", strings.Repeat("\x00", 1024), "PK\x05\x06"} {
			_, _, err := extract(append(vectorFile(t, file), more...), limits())
			var refused *RefusedError
			require.ErrorAs(t, err, &refused, "%s and %q", file, more)
		}
	}
}

func TestADamagedByteYieldsTheSameProgramOrNone(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"good.tar.gz", "good.tar.zst", "good.zip", "good-descriptorless.zip"} {
		whole := vectorFile(t, file)
		for i := range whole {
			damaged := bytes.Clone(whole)
			damaged[i] ^= 0x41
			_, out, err := extract(damaged, limits())
			if err == nil {
				require.Equal(t, amd64(), out, "byte %d of %s", i, file)
				continue
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused, "byte %d of %s", i, file)
		}
	}
}

func TestARefusalSaysWhatTheDecoderSaid(t *testing.T) {
	t.Parallel()
	_, _, err := extract(vectorFile(t, "checksum.tar.gz"), limits())
	assert.ErrorContains(t, err, "gzip: invalid checksum")
	assert.Error(t, errors.Unwrap(err))
}
