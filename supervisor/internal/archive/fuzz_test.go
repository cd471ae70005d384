package archive

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func small() Limits { return Limits{Entries: 20, Unpacked: 256 << 10, Binary: 64 << 10} }

// What is accepted is a program within the limits, and what is not is refused: no package makes another error, a panic or a hang.
func FuzzExtract(f *testing.F) {
	for _, v := range vectors() {
		if b := vectorFile(f, v.file); len(b) < 16<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		info, out := holds(t, b)
		if info.Format == Zip {
			require.Equal(t, out, asArchiveZipReadsIt(t, b, info.Name))
		}
	})
}

// The checksums of gzip and zstd keep a fuzzer from what is in them; here it is let in.
func FuzzTar(f *testing.F) {
	for _, v := range vectors() {
		if b := vectorFile(f, v.file); len(b) < 16<<10 && bytes.HasPrefix(b, []byte(gzipHeader)) {
			f.Add(b[len(gzipHeader)+5 : max(len(gzipHeader)+5, len(b)-13)]) // without the header of a block, the last block, the trailer
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		holds(t, zstdFrame("\x00\x30", b))
	})
}

func holds(t *testing.T, b []byte) (Info, []byte) {
	t.Helper()
	info, out, err := extract(b, small())
	if err != nil {
		require.ErrorAs(t, err, new(*RefusedError))
		require.LessOrEqual(t, len(out), 64<<10)
		return info, nil
	}
	require.EqualValues(t, len(out), info.Size)
	require.LessOrEqual(t, info.Size, small().Binary)
	require.LessOrEqual(t, info.Unpacked, small().Unpacked)
	require.LessOrEqual(t, info.Entries, small().Entries)
	require.Equal(t, "\x7fELF", string(out[:4]))
	return info, out
}

// asArchiveZipReadsIt: two readers of one zip must not see different programs.
func asArchiveZipReadsIt(t *testing.T, b []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	for _, f := range z.File {
		if f.Name == name {
			r, err := f.Open()
			require.NoError(t, err)
			out, err := io.ReadAll(r)
			require.NoError(t, err)
			return out
		}
	}
	return nil
}
