package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
)

// instance is a Sigstore of our own: sigstore-go's virtual one has the timestamping authority and the first kind of
// log, and what it lacks is here: certificates with transparency and workflow names, and the second kind of log.
type instance struct {
	fulcio    *root.FulcioCertificateAuthority
	fulcioKey *ecdsa.PrivateKey
	ctKey     *ecdsa.PrivateKey
	tilesKey  *ecdsa.PrivateKey
	virtual   *ca.VirtualSigstore
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	top, topKey, err := ca.GenerateRootCa()
	require.NoError(t, err)
	intermediate, key, err := ca.GenerateFulcioIntermediate(top, topKey)
	require.NoError(t, err)
	virtual, err := ca.NewVirtualSigstore()
	require.NoError(t, err)
	return &instance{
		fulcio: &root.FulcioCertificateAuthority{
			Root: top, Intermediates: []*x509.Certificate{intermediate}, URI: "https://fulcio.example",
			ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour),
		},
		fulcioKey: key, ctKey: newKey(t), tilesKey: newKey(t), virtual: virtual,
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// trustedRoot writes the file that makes the instance known.
func (s *instance) trustedRoot(t *testing.T) string {
	t.Helper()
	logs := map[string]*root.TransparencyLog{}
	for id, log := range s.virtual.RekorLogs() {
		var err error
		log.ID, err = hex.DecodeString(id)
		require.NoError(t, err)
		logs[id] = log
	}
	maps.Copy(logs, logOf(t, s.tilesKey, "https://"+tilesOrigin))
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{s.fulcio},
		logOf(t, s.ctKey, "https://ct.example"), s.virtual.TimestampingAuthorities(), logs)
	require.NoError(t, err)
	text, err := trusted.MarshalJSON()
	require.NoError(t, err)
	return file(t, "trusted_root.json", text)
}

func logOf(t *testing.T, key *ecdsa.PrivateKey, url string) map[string]*root.TransparencyLog {
	t.Helper()
	id := keyID(t, key)
	return map[string]*root.TransparencyLog{hex.EncodeToString(id): {
		BaseURL: url, ID: id, PublicKey: key.Public(), HashFunc: crypto.SHA256, SignatureHashFunc: crypto.SHA256,
		ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour),
	}}
}

func keyID(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	sum := sha256.Sum256(der)
	return sum[:]
}

// sign makes a bundle with a signature over content, logged by the first kind of log, which also says when.
func (s *instance) sign(t *testing.T, who claims, content string) *protobundle.Bundle {
	t.Helper()
	leaf, key := s.certificate(t, who)
	b, digest := withSignature(t, leaf, key, content)
	b.VerificationMaterial.TlogEntries = append(b.VerificationMaterial.TlogEntries,
		s.logged(t, "hashedrekord", hashedRekord(t, leaf, digest, b.GetMessageSignature().GetSignature())))
	return b
}

// signV2 is like sign with the second kind of log, which does not say when; the timestamping authority does.
func (s *instance) signV2(t *testing.T, who claims, content string) *protobundle.Bundle {
	t.Helper()
	leaf, key := s.certificate(t, who)
	b, digest := withSignature(t, leaf, key, content)
	signature := b.GetMessageSignature().GetSignature()
	stamp, err := s.virtual.TimestampResponse(signature)
	require.NoError(t, err)
	b.VerificationMaterial.TlogEntries = append(b.VerificationMaterial.TlogEntries, s.loggedV2(t, leaf, digest, signature))
	b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
	}
	return b
}

// attest makes a bundle with a signed in-toto statement, logged by the first kind of log.
func (s *instance) attest(t *testing.T, who claims, statement string) *protobundle.Bundle {
	t.Helper()
	leaf, key := s.certificate(t, who)
	envelope := signEnvelope(t, key, statement)
	signature := envelope.GetSignatures()[0].GetSig()
	entry, err := s.virtual.GenerateTlogEntry(leaf, rawEnvelope(envelope), signature, time.Now().Unix(), true)
	require.NoError(t, err)
	b := withCertificate(leaf)
	b.Content = &protobundle.Bundle_DsseEnvelope{DsseEnvelope: envelope}
	b.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{
		s.logged(t, "dsse", entry.TransparencyLogEntry().GetCanonicalizedBody()),
	}
	return b
}

func withCertificate(leaf *x509.Certificate) *protobundle.Bundle {
	return &protobundle.Bundle{
		MediaType: mediaTypes()[0],
		VerificationMaterial: &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_Certificate{
			Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw},
		}},
	}
}

func withSignature(t *testing.T, leaf *x509.Certificate, key crypto.Signer, content string) (*protobundle.Bundle, []byte) {
	t.Helper()
	digest := sha256.Sum256([]byte(content))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	require.NoError(t, err)
	b := withCertificate(leaf)
	b.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
		MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: digest[:]},
		Signature:     signature,
	}}
	return b, digest[:]
}

func signEnvelope(t *testing.T, key crypto.Signer, statement string) *protodsse.Envelope {
	t.Helper()
	return &protodsse.Envelope{
		Payload: []byte(statement), PayloadType: inTotoType,
		Signatures: []*protodsse.Signature{{Sig: signPAE(t, key, statement)}},
	}
}

// save writes a bundle where the program can read it.
func save(t *testing.T, b *protobundle.Bundle) string {
	t.Helper()
	text, err := protojson.Marshal(b)
	require.NoError(t, err)
	return file(t, "bundle.sigstore.json", text)
}

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func pemOf(t *testing.T, kind string, der []byte) []byte {
	t.Helper()
	return bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
