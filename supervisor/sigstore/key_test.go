package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"testing"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
)

func TestAKeySignsAFile(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for name, key := range map[string]crypto.Signer{"ECDSA P-256": newKey(t), "RSA": rsaKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := byKey(t, key, keyBundle(t, key, content))
			require.Equal(t, exitVerified, got.code, got.stderr)
			assert.Empty(t, got.stderr)
			id := "sha256:" + hex.EncodeToString(keyID(t, key))
			assert.JSONEq(t, `{"verified":true,"signer":"`+id+`"}`, got.stdout)
		})
	}
}

func TestAKeySignsAStatement(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	for name, key := range map[string]crypto.Signer{"ECDSA P-256": newKey(t), "ECDSA P-384": p384, "Ed25519": newEd25519(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := byKey(t, key, keyAttestation(t, key, statementAbout(statement, content)))
			require.Equal(t, exitVerified, got.code, got.stderr)
			var a answer
			require.NoError(t, json.Unmarshal([]byte(got.stdout), &a))
			assert.Equal(t, slsa, a.PredicateType)
			byKey(t, key, keyAttestation(t, key, statementAbout(statement, "other"))).refused(t, "digest")
			byKey(t, newKey(t), keyAttestation(t, key, statementAbout(statement, content))).refused(t, "envelope")
		})
	}
}

// cosign also logs what it signs with a key. By key alone that entry proves nothing more, and nobody is trusted for it.
func TestALogEntryBesideAKeyIsNotAskedFor(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	var b protobundle.Bundle
	require.NoError(t, protojson.Unmarshal(keyBundle(t, key, content), &b))
	b.VerificationMaterial.TlogEntries = newInstance(t).sign(t, otel(), content).VerificationMaterial.TlogEntries
	got := ask(t, "verify", "--bundle", save(t, &b), "--sha256", sha256Of(content), "--key", keyFile(t, key))
	assert.Equal(t, exitVerified, got.code, got.stderr)
}

func TestAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	byKey(t, newKey(t), keyBundle(t, key, content)).refused(t, "verify signature")
}

func TestAKeysSignatureOverAnotherFileIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	byKey(t, key, keyBundle(t, key, "other")).refused(t, "another artefact")
	honest, lying := keyObject(t, key, content), keyObject(t, key, "other")
	lying.Message.Digest = honest.Message.Digest
	byKey(t, key, asJSON(t, lying)).refused(t, "verify signature")
}

// Ed25519 needs the whole of a message. Asked with a digest, sigstore-go 1.3 takes the message for empty: whoever once
// signed an empty file with such a key would have signed every package.
func TestAnEd25519KeySignsNoFile(t *testing.T) {
	t.Parallel()
	key := newEd25519(t)
	digest := sha256.Sum256([]byte(content))
	for _, message := range [][]byte{nil, digest[:]} {
		object := keyObject(t, key, content)
		object.Message.Signature = ed25519.Sign(key, message)
		byKey(t, key, asJSON(t, object)).refused(t, "in-toto statement")
	}
}

func TestACertificateIsNoKeyAndAKeyIsNoCertificate(t *testing.T) {
	t.Parallel()
	s, key := newInstance(t), newKey(t)
	ask(t, "verify", "--bundle", save(t, s.sign(t, otel(), content)), "--sha256", sha256Of(content),
		"--key", keyFile(t, key)).refused(t, "signed by a certificate")
	ask(t, "verify", "--bundle", file(t, "b.json", keyBundle(t, key, content)), "--sha256", sha256Of(content),
		"--trusted-root", s.trustedRoot(t), "--identity", release).refused(t, "signed by a bare key")
}

func TestAFileThatIsNoPublicKeyIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	public := publicPEM(t, key)
	for why, content := range map[string][]byte{
		"no public key in PEM form": nil,
		`holds a "PRIVATE KEY"`:     pemOf(t, "PRIVATE KEY", private),
		"more than one key":         bytes.Join([][]byte{public, public}, []byte("\n")),
		"read the public key":       pemOf(t, "PUBLIC KEY", []byte("x")),
		"of no kind":                publicPEM(t, short),
	} {
		ask(t, "verify", "--bundle", file(t, "b.json", keyBundle(t, key, "x")), "--sha256", sha256Of("x"),
			"--key", file(t, "key.pem", content)).refused(t, why)
	}
}

// byKey asks whether the bundle signs content with the key.
func byKey(t *testing.T, key crypto.Signer, bundle []byte) outcome {
	t.Helper()
	return ask(t, "verify", "--bundle", file(t, "bundle.json", bundle), "--sha256", sha256Of(content), "--key", keyFile(t, key))
}

func keyFile(t *testing.T, key crypto.Signer) string {
	t.Helper()
	return file(t, "key.pem", publicPEM(t, key))
}

func publicPEM(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	return publicPEMOf(t, key.Public())
}

func publicPEMOf(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return append(pemOf(t, "PUBLIC KEY", der), '\n')
}

func newEd25519(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key
}
