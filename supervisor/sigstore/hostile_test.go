package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestATruncatedBundleIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	whole := bytes.TrimSpace(keyBundle(t, key, content))
	for length := range len(whole) {
		byKey(t, key, whole[:length]).refused(t, "no Sigstore bundle")
	}
}

func TestABundleOfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for kind, why := range map[string]string{
		"":                 "unsupported media type",
		"application/json": "unsupported media type",
		"application/vnd.dev.sigstore.bundle.v0.4+json":         "not yet supported",
		"application/vnd.dev.sigstore.bundle.v0.3.1+json":       "only v0.3",
		"application/vnd.dev.sigstore.bundle+json;version=0.2":  "only v0.3",
		"application/vnd.dev.sigstore.bundle+json;version=0.1":  "only v0.3",
		"application/vnd.dev.sigstore.bundle.v0.3+json\nrefuse": "unsupported media type",
	} {
		b := keyObject(t, key, content)
		b.MediaType = kind
		byKey(t, key, asJSON(t, b)).refused(t, why)
	}
}

func TestABundleWithHolesIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	kind := `"mediaType":"` + mediaTypes()[0] + `"`
	for _, text := range []string{
		"", "null", "[]", "{}", "{" + kind + "}",
		"{" + kind + `,"messageSignature":{},"verificationMaterial":{}}`,
		"{" + kind + `,"messageSignature":{},"verificationMaterial":{"publicKey":{}}}`,
		"{" + kind + `,"dsseEnvelope":{},"verificationMaterial":{"publicKey":{}}}`,
		"{" + kind + `,"dsseEnvelope":{"payload":"e30=","signatures":[{}]},"verificationMaterial":{"publicKey":{}}}`,
		"{" + kind + `,"messageSignature":{},"verificationMaterial":{"publicKey":{},"tlogEntries":[{}]}}`,
		"{" + kind + `,"messageSignature":{},"verificationMaterial":{"certificate":{"rawBytes":"AAAA"}}}`,
		"{" + kind + `,"unknown":1}`,
		strings.Repeat(`{"a":`, 10_000),
		strings.Repeat("[", 60_000),
	} {
		byKey(t, key, []byte(text)).refused(t, "")
	}
}

func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	padded := append(keyBundle(t, key, content), bytes.Repeat([]byte(" "), maxBundle)...)
	assert.Equal(t, exitVerified, byKey(t, key, padded[:maxBundle]).code)
	byKey(t, key, padded[:maxBundle+1]).refused(t, "more than the 65536 bytes")

	directory := t.TempDir()
	ask(t, "verify", "--bundle", directory, "--sha256", sha256Of(content), "--key", keyFile(t, key)).refused(t, "no regular file")
	ask(t, "verify", "--bundle", filepath.Join(directory, "none"), "--sha256", sha256Of(content), "--key", keyFile(t, key)).
		refused(t, "no such file")
	ask(t, "verify", "--bundle", directory, "--sha256", sha256Of(content), "--key", os.DevNull).refused(t, "no regular file")
}

func TestATrustedRootThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	good, err := os.ReadFile(s.trustedRoot(t))
	require.NoError(t, err)
	bundle := save(t, s.sign(t, otel(), content))
	for _, text := range [][]byte{nil, []byte("{}"), good[:len(good)/2], bytes.Join([][]byte{good, good}, []byte("\n"))} {
		ask(t, "verify", "--bundle", bundle, "--sha256", sha256Of(content), "--trusted-root", file(t, "root.json", text),
			"--identity", release).refused(t, "read the trusted root")
	}
}

// brokenWriter stands for whatever may panic in a library.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { panic("index out of range\nsecond line") }

func TestAPanicIsARefusal(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	code := run([]string{"version"}, brokenWriter{}, &stderr)
	outcome{code: code, stderr: stderr.String()}.refused(t, "index out of range second line")
}

func TestAStrangersTextStaysOnOneLine(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a b c [31mred", oneLine("a\r\nb\x00c\u2028\x1b[31mred"))
	long := oneLine(strings.Repeat("é", maxLine))
	assert.LessOrEqual(t, len(long), maxLine+len("…"))
	assert.NotContains(t, long, "\ufffd")
}
