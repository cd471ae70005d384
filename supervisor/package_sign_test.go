package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/trust"
)

// publisher is a directory in which releases are signed.
type publisher struct{ dir string }

func newPublisher(t *testing.T, keys ...string) publisher {
	t.Helper()
	p := publisher{t.TempDir()}
	for _, key := range keys {
		p.do(t, "package", "keygen", p.path(key))
	}
	require.NoError(t, os.WriteFile(p.path("release"), []byte("a release\n"), 0o600))
	return p
}

func (p publisher) path(name string) string { return filepath.Join(p.dir, name) }

// do runs a command line that must work.
func (p publisher) do(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t, args...)
	require.NoError(t, err, "%s", args)
	return out
}

// sign signs the release with a key, and what else is said of it.
func (p publisher) sign(t *testing.T, key string, more ...string) (string, error) {
	t.Helper()
	args := []string{"package", "sign", "--key", p.path(key + ".key"), "--package", "otelcol-lean", "--version", "0.150.0", "--os", "linux", "--arch", "amd64", "--index", "15"}
	return run(t, append(append(args, more...), p.path("release"))...)
}

func (p publisher) claims(t *testing.T, name string) trust.Claims {
	t.Helper()
	data, err := os.ReadFile(p.path(name))
	require.NoError(t, err)
	claims, err := trust.Inspect(data)
	require.NoError(t, err)
	return claims
}

func TestKeygenWritesAPairThatIsNotOverwritten(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	for _, algorithm := range []string{"ed25519", "ecdsa-p256"} {
		out := p.do(t, "package", "keygen", "--algorithm", algorithm, p.path(algorithm))
		assert.Contains(t, out, algorithm+".pub")
		info, err := os.Stat(p.path(algorithm + ".key"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	before, err := os.ReadFile(p.path("ed25519.key"))
	require.NoError(t, err)
	_, err = run(t, "package", "keygen", p.path("ed25519"))
	require.ErrorContains(t, err, "is there already")
	after, err := os.ReadFile(p.path("ed25519.key"))
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

func TestKeygenLeavesNoHalfOfAPair(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	require.NoError(t, os.WriteFile(p.path("k.pub"), nil, 0o600))
	_, err := run(t, "package", "keygen", p.path("k"))
	require.ErrorContains(t, err, "k.pub is there already")
	assert.NoFileExists(t, p.path("k.key"))
}

func TestSignSaysWhatItSigned(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "signer")
	out, err := p.sign(t, "signer", "--floor", "10", "--expires", "2099-01-31", "--downgrade-from", "16-18", "--downgrade-expires", "12h", "--fleet", "edge", "--notes", "see https://example.com")
	require.NoError(t, err)
	for _, word := range []string{"release.sig", "otelcol-lean 0.150.0 for linux/amd64", "2099-01-31", "index 16 to 18, hosts of edge", "https://example.com"} {
		assert.Contains(t, out, word)
	}
	s := p.claims(t, "release.sig").Statement
	assert.EqualValues(t, 15, s.Index)
	assert.EqualValues(t, 10, s.Floor)
	assert.EqualValues(t, 16, s.Downgrade.FromMin)
	assert.WithinDuration(t, time.Now().Add(12*time.Hour), s.Downgrade.Expires, time.Minute)
	assert.WithinDuration(t, time.Now(), s.NotBefore, time.Minute)
}

func TestASignatureIsNotOverwrittenButAddedTo(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "one", "two")
	_, err := p.sign(t, "one")
	require.NoError(t, err)
	_, err = p.sign(t, "two")
	require.ErrorContains(t, err, "is there already")

	p.do(t, "package", "sign", "--add", "--key", p.path("two.key"), p.path("release"))
	assert.Len(t, p.claims(t, "release.sig").KeyIDs, 2)
	_, err = run(t, "package", "sign", "--add", "--key", p.path("two.key"), p.path("release"))
	assert.ErrorContains(t, err, "signed it already")
}

func TestTwoKeysSignAtOnce(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "one", "two")
	_, err := p.sign(t, "one", "--key", p.path("two.key"))
	require.NoError(t, err)
	assert.Len(t, p.claims(t, "release.sig").KeyIDs, 2)
}

func TestNobodyIsMadeToSignSomethingElse(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "one", "two")
	_, err := p.sign(t, "one")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.path("release"), []byte("another\n"), 0o600))
	_, err = run(t, "package", "sign", "--add", "--key", p.path("two.key"), p.path("release"))
	assert.ErrorContains(t, err, "it is about another file")
}

func TestWrongUseOfSignIsSaid(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "signer")
	for want, more := range map[string][]string{
		"--package, --version and --index": {"--index", "0"},
		"--expires":                        {"--expires", "soon"},
		"no range":                         {"--downgrade-from", "x"},
		"needs no permit":                  {"--downgrade-from", "3-15"},
		"--downgrade-expires":              {"--downgrade-from", "16", "--downgrade-expires", "-1h"},
		"give --downgrade-from":            {"--fleet", "edge"},
		"cannot be given with --add":       {"--add"},
	} {
		_, err := p.sign(t, "signer", more...)
		assert.ErrorContains(t, err, want)
		assert.Equal(t, exitUsage, codeOf(err), want)
	}
	_, err := run(t, "package", "sign", p.path("release"), "--package", "a", "--version", "1", "--index", "1")
	assert.Equal(t, exitUsage, codeOf(err), "no key")
	_, err = p.sign(t, "signer", "--keylist", p.path("signer.pub"))
	assert.ErrorContains(t, err, "key list "+p.path("signer.pub"))
	_, err = run(t, "package", "sign", "--key", p.path("signer.pub"), "--package", "a", "--version", "1", "--index", "1", p.path("release"))
	assert.ErrorContains(t, err, "no PRIVATE KEY")
}

// arm64Program is the header of a program for arm64, and of nothing else.
func arm64Program() []byte {
	header := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)
	header[18] = 183 // EM_AARCH64
	return header
}

func TestThePlatformIsThatOfTheProgramInside(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "signer")
	for name, data := range map[string][]byte{"raw": arm64Program(), "tar.gz": tarGz(t, arm64Program()), "zip": zipped(t, arm64Program())} {
		require.NoError(t, os.WriteFile(p.path(name), data, 0o600))
		p.do(t, "package", "sign", "--key", p.path("signer.key"), "--package", "a", "--version", "1", "--index", "1", p.path(name))
		s := p.claims(t, name+".sig").Statement
		assert.Equal(t, "linux/arm64", s.OS+"/"+s.Arch, name)

		_, err := run(t, "package", "sign", "--key", p.path("signer.key"), "--package", "a", "--version", "1", "--index", "1", "--arch", "amd64", p.path(name))
		assert.ErrorContains(t, err, "has a program for linux/arm64 in it", name)
	}
}

func TestWhatIsNoProgramHasNoPlatform(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("release"), "gzip": {0x1f, 0x8b, 0}, "zip": []byte("PK\x03\x04"), "tar.gz": tarGz(t, []byte("x")), "zip of text": zipped(t, []byte("x")),
		"elf of something": append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...), "mach-o of something": append([]byte{0xcf, 0xfa, 0xed, 0xfe}, make([]byte, 57)...),
	} {
		require.NoError(t, os.WriteFile(p.path(name), data, 0o600))
		_, known := platformOf(p.path(name))
		assert.False(t, known, name)
	}
	_, known := platformOf(p.path("none"))
	assert.False(t, known)
}

func tarGz(t *testing.T, program []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, data := range map[string][]byte{"README": []byte("read me, and more than twenty bytes of me"), "otelcol": program} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o755}))
		_, err := w.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func zipped(t *testing.T, program []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("otelcol")
	require.NoError(t, err)
	_, err = f.Write(program)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestTimesAreWrittenInSeveralWays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 5, time.UTC)
	for text, want := range map[string]string{
		"365d": "2027-01-01T00:00:00Z", "12h": "2026-01-01T12:00:00Z", "2027-01-31": "2027-01-31T00:00:00Z", "2027-01-31T01:00:00+01:00": "2027-01-31T00:00:00Z",
		"": "", "-1d": "", "0h": "", "d": "", "31.1.2027": "", strings.Repeat("9", 30) + "d": "",
	} {
		got, err := moment(text, now)
		if want == "" {
			assert.ErrorContains(t, err, "is no time", text)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, want, got.Format(time.RFC3339), text)
	}
}
