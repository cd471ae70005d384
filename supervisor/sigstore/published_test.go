package main

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/testing/data"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sigstoreJS is the workflow that released a package of Sigstore's own, with the public instance.
const sigstoreJS = `{"issuer":"https://token.actions.githubusercontent.com","subject_regex":` +
	`"https://github\\.com/sigstore/sigstore-js/\\.github/workflows/release\\.yml@refs/heads/main"}`

// provenance is a bundle of the public instance. It is of v0.1, which has the same content in another order: a chain
// of certificates, of which v0.3 keeps the first.
func provenance(t *testing.T) *bundle.Bundle {
	t.Helper()
	text, err := data.Bundle(t, "sigstore.js@2.0.0-provenance.sigstore.json").MarshalJSON()
	require.NoError(t, err)
	var old struct {
		Material struct {
			Chain struct {
				Certificates []json.RawMessage `json:"certificates"`
			} `json:"x509CertificateChain"`
			Entries json.RawMessage `json:"tlogEntries"`
		} `json:"verificationMaterial"`
		Envelope json.RawMessage `json:"dsseEnvelope"`
	}
	require.NoError(t, json.Unmarshal(text, &old))
	path := file(t, "provenance.json", asJSON(t, map[string]any{
		"mediaType":            mediaTypes()[0],
		"verificationMaterial": map[string]any{"certificate": old.Material.Chain.Certificates[0], "tlogEntries": old.Material.Entries},
		"dsseEnvelope":         old.Envelope,
	}))
	b, err := readBundle(path)
	require.NoError(t, err)
	return b
}

// checkProvenance asks about a package, which npm names by its SHA-512.
func checkProvenance(t *testing.T, signer, repository, sha512 string) (answer, error) {
	t.Helper()
	text, err := data.TrustedRoot(t, "public-good.json").MarshalJSON()
	require.NoError(t, err)
	who, err := parseIdentity(signer)
	require.NoError(t, err)
	trusted, err := request{
		trustedRoot: file(t, "root.json", text), identities: []identity{who}, repository: repository,
	}.trust()
	require.NoError(t, err)
	digest, err := hex.DecodeString(sha512)
	require.NoError(t, err)
	return trusted.check(provenance(t), artefact{"sha512", digest})
}

const sigstore200 = "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c"

func TestAReleaseOfThePublicInstanceVerifies(t *testing.T) {
	t.Parallel()
	got, err := checkProvenance(t, sigstoreJS, "sigstore/sigstore-js", sigstore200)
	require.NoError(t, err)
	assert.True(t, got.Verified)
	assert.Equal(t, "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", got.Subject)
	assert.Equal(t, slsa, got.PredicateType)
	assert.Equal(t, 2023, got.SignedAt.Year())
}

func TestAReleaseOfThePublicInstanceIsRefusedToOthers(t *testing.T) {
	t.Parallel()
	_, err := checkProvenance(t, release, "", sigstore200)
	assert.ErrorContains(t, err, "identity")
	_, err = checkProvenance(t, sigstoreJS, "sigstore/sigstore", sigstore200)
	assert.ErrorContains(t, err, "GithubWorkflowRepository")
	_, err = checkProvenance(t, sigstoreJS, "", "00"+sigstore200[2:])
	assert.ErrorContains(t, err, "digest")
}

func TestABundleMadeByAnotherToolVerifies(t *testing.T) {
	t.Parallel()
	trusted, err := data.TrustedRoot(t, "scaffolding.json").MarshalJSON()
	require.NoError(t, err)
	text, err := data.Bundle(t, "othername.sigstore.json").MarshalJSON()
	require.NoError(t, err)
	args := []string{
		"verify", "--bundle", file(t, "b.json", text), "--trusted-root", file(t, "root.json", trusted),
		"--sha256", "bc103b4a84971ef6459b294a2b98568a2bfb72cded09d4acd1e16366a401f95b",
	}
	got := ask(t, append(args, "--identity", `{"issuer":"http://oidc.local:8080","subject":"foo!oidc.local"}`)...)
	require.Equal(t, exitVerified, got.code, got.stderr)
	assert.JSONEq(t, `{"verified":true,"signer":"http://oidc.local:8080 / foo!oidc.local","issuer":"http://oidc.local:8080",
		"subject":"foo!oidc.local","signed_at":"2024-07-12T19:06:29Z"}`, got.stdout)
	ask(t, append(args, "--identity", `{"issuer":"http://oidc.local:8080","subject":"foo@oidc.local"}`)...).refused(t, "identity")
}

func TestABundleOfAKeyMadeByAnotherToolVerifies(t *testing.T) {
	t.Parallel()
	text, err := data.Bundle(t, "public-key-validity.sigstore.json").MarshalJSON()
	require.NoError(t, err)
	key := publicPEMOf(t, data.PublicKey(t, "public-key-validity.pem"))
	got := ask(t, "verify", "--bundle", file(t, "b.json", text), "--key", file(t, "key.pem", key),
		"--sha256", "6ae8a75555209fd6c44157c0aed8016e763ff435a19cf186f76863140143ff72")
	assert.Equal(t, exitVerified, got.code, got.stderr)
}
