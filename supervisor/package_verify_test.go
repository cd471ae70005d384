package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// check verifies the release on linux/amd64.
func (p publisher) check(t *testing.T, more ...string) (string, error) {
	t.Helper()
	args := []string{"package", "verify", "--os", "linux", "--arch", "amd64"}
	return run(t, append(append(args, more...), p.path("release"))...)
}

func (p publisher) trusting(kind, key string) string {
	return "--trust=" + kind + ":" + p.path(key+".pub")
}

func TestVerifyTellsEveryCheck(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "signer")
	_, err := p.sign(t, "signer")
	require.NoError(t, err)
	out, err := p.check(t, p.trusting("key", "signer"))
	require.NoError(t, err)
	for _, check := range []string{"size", "digest", "signature", "archive", "host", "offer", "revocation", "expiry", "index"} {
		assert.Regexp(t, `(?m)^ok +`+check+` +\S`, out)
	}
	assert.Contains(t, out, "may be installed\n")
}

func TestARefusalHasItsOwnExitCodeAndNamesTheCheck(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "signer", "other")
	_, err := p.sign(t, "signer")
	require.NoError(t, err)
	revoked := p.path("revoked")
	require.NoError(t, os.WriteFile(revoked, []byte("floor:16\n"), 0o600))
	good := p.trusting("key", "signer")
	for code, args := range map[string][]string{
		"key":       {p.trusting("key", "other")},
		"threshold": {good, p.trusting("key", "other"), "--threshold=2"},
		"digest":    {good, "--sha256=" + strings.Repeat("00", 32)},
		"package":   {good, "--package=otelcol"},
		"version":   {good, "--version=0.149.0"},
		"arch":      {good, "--arch=arm64"},
		"index":     {good, "--installed=16"},
		"floor":     {good, "--revocations=" + revoked},
	} {
		out, err := p.check(t, args...)
		assert.Equal(t, exitRefused, codeOf(err), code)
		assert.Regexp(t, `(?m)^REFUSED +`+code+` `, out)
		assert.NotContains(t, out, "may be installed")
	}
	_, err = p.check(t, good, "--installed=16", "--approved")
	assert.NoError(t, err)
}

func TestVerifyWithoutASignature(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "signer")
	_, err := p.check(t, p.trusting("key", "signer"))
	require.ErrorContains(t, err, "cannot read its signature")
	assert.Equal(t, exitFailure, codeOf(err))

	out, err := p.check(t, "--hash-only-insecure")
	require.NoError(t, err)
	assert.Contains(t, out, "not checked  signature")
	assert.Contains(t, out, "NOBODY SIGNED IT")
}

func TestWrongUseOfVerifyIsSaid(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "signer")
	for want, args := range map[string][]string{
		"--trust is missing": {},
		"write KIND:FILE":    {"--trust=" + "signer.pub"},
		"write 64 digits":    {p.trusting("key", "signer"), "--sha256=xyz"},
	} {
		_, err := p.check(t, args...)
		assert.ErrorContains(t, err, want)
		assert.Equal(t, exitUsage, codeOf(err), want)
	}
	_, err := p.check(t, p.trusting("pgp", "signer"))
	assert.ErrorContains(t, err, "the kind must be")
}

func TestTheCommittedVectorsCanBeVerifiedByHand(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "testdata", "signatures")
	verify := func(signature, root string) (string, error) {
		return run(t, "package", "verify", "--os=linux", "--arch=amd64", "--trust="+root, "--signature="+filepath.Join(dir, signature), filepath.Join(dir, "release.bin"))
	}
	out, err := verify("good-minisign-bytes-only.sig", "minisign:"+filepath.Join(dir, "minisign.pub"))
	require.NoError(t, err)
	assert.Contains(t, out, "not checked  index")
	assert.Contains(t, out, "says nothing of package")
	_, err = verify("minisign-other-file.sig", "minisign:"+filepath.Join(dir, "minisign.pub"))
	assert.Equal(t, exitRefused, codeOf(err))
}

func TestInspectPrintsWithoutBelieving(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "testdata", "signatures")
	out, err := run(t, "package", "inspect", filepath.Join(dir, "keylist-wrong-root.sig"))
	require.NoError(t, err)
	for _, word := range []string{"nothing of this was verified", "envelope", "otelcol-lean 0.150.0", "floor        10", "number 5", "release-2025, index 1 to 9", "release-2026, index 10 on"} {
		assert.Contains(t, out, word)
	}
	out, err = run(t, "package", "inspect", filepath.Join(dir, "good-minisign.sig"))
	require.NoError(t, err)
	assert.Contains(t, out, `comment      "opampd package=otelcol-lean`)
	_, err = run(t, "package", "inspect", filepath.Join(dir, "truncated.sig"))
	require.ErrorContains(t, err, "truncated.sig: the signature cannot be read")
	_, err = run(t, "package", "inspect", "/nonexistent")
	assert.ErrorContains(t, err, "cannot read it")
}
