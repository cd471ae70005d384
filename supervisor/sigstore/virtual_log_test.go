package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rekortiles "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	tilesnote "github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/rekor-tiles/v2/pkg/types/hashedrekord"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
)

const (
	inTotoType  = "application/vnd.in-toto+json"
	tilesOrigin = "tiles.example"
)

// logged makes an entry of the first kind of log (Rekor v1): a promise, which also says when, and a proof.
func (s *instance) logged(t *testing.T, kind string, body []byte) *protorekor.TransparencyLogEntry {
	t.Helper()
	id, err := s.virtual.RekorLogID()
	require.NoError(t, err)
	rawID, err := hex.DecodeString(id)
	require.NoError(t, err)
	now := time.Now().Unix()
	promise, err := s.virtual.RekorSignPayload(tlog.RekorPayload{
		Body: base64.StdEncoding.EncodeToString(body), IntegratedTime: now, LogID: id,
	})
	require.NoError(t, err)
	proof, err := s.virtual.GetInclusionProof(body)
	require.NoError(t, err)
	rootHash, err := hex.DecodeString(*proof.RootHash)
	require.NoError(t, err)
	return &protorekor.TransparencyLogEntry{
		LogId:            &protocommon.LogId{KeyId: rawID},
		KindVersion:      &protorekor.KindVersion{Kind: kind, Version: "0.0.1"},
		IntegratedTime:   now,
		InclusionPromise: &protorekor.InclusionPromise{SignedEntryTimestamp: promise},
		InclusionProof: &protorekor.InclusionProof{
			TreeSize: *proof.TreeSize, RootHash: rootHash,
			Checkpoint: &protorekor.Checkpoint{Envelope: *proof.Checkpoint},
		},
		CanonicalizedBody: body,
	}
}

// hashedRekord is the body of an entry about a signature over a file; encoding/json sorts as canonical JSON wants it.
func hashedRekord(t *testing.T, leaf *x509.Certificate, digest, sig []byte) []byte {
	t.Helper()
	type object = map[string]any
	certificate := append(pemOf(t, "CERTIFICATE", leaf.Raw), '\n')
	body, err := json.Marshal(object{
		"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": object{
			"data":      object{"hash": object{"algorithm": "sha256", "value": hex.EncodeToString(digest)}},
			"signature": object{"content": sig, "publicKey": object{"content": certificate}},
		},
	})
	require.NoError(t, err)
	return body
}

// loggedV2 makes an entry of the second kind of log (Rekor v2): a proof alone.
func (s *instance) loggedV2(t *testing.T, leaf *x509.Certificate, digest, sig []byte) *protorekor.TransparencyLogEntry {
	t.Helper()
	signed := &rekortiles.Signature{Content: sig, Verifier: &rekortiles.Verifier{
		KeyDetails: protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
		Verifier: &rekortiles.Verifier_X509Certificate{
			X509Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw},
		},
	}}
	hash, err := hashedrekord.ToEntryHash(digest, signed)
	require.NoError(t, err)
	type object = map[string]any
	body, err := json.Marshal(object{
		"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": object{"hashedRekordV002": object{
			"data": object{"algorithm": "SHA2_256", "digest": digest},
			"signature": object{"content": sig, "verifier": object{
				"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": object{"rawBytes": leaf.Raw},
			}},
		}},
	})
	require.NoError(t, err)
	return &protorekor.TransparencyLogEntry{
		LogId:       &protocommon.LogId{KeyId: keyID(t, s.tilesKey)},
		KindVersion: &protorekor.KindVersion{Kind: "hashedrekord", Version: "0.0.2"},
		InclusionProof: &protorekor.InclusionProof{
			TreeSize: 1, RootHash: hash, Checkpoint: &protorekor.Checkpoint{Envelope: s.checkpoint(t, hash)},
		},
		CanonicalizedBody: body,
	}
}

func (s *instance) checkpoint(t *testing.T, hash []byte) string {
	t.Helper()
	signer, err := signature.LoadECDSASignerVerifier(s.tilesKey, crypto.SHA256)
	require.NoError(t, err)
	noteSigner, err := tilesnote.NewNoteSigner(t.Context(), tilesOrigin, signer)
	require.NoError(t, err)
	text := log.Checkpoint{Origin: tilesOrigin, Size: 1, Hash: hash}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, noteSigner)
	require.NoError(t, err)
	return string(signed)
}

// signPAE signs a statement as DSSE does.
func signPAE(t *testing.T, key crypto.Signer, statement string) []byte {
	t.Helper()
	signer, err := signature.LoadDefaultSigner(key)
	require.NoError(t, err)
	sig, err := signer.SignMessage(bytes.NewReader(dsse.PAE(inTotoType, []byte(statement))))
	require.NoError(t, err)
	return sig
}

func rawEnvelope(e *protodsse.Envelope) *dsse.Envelope {
	return &dsse.Envelope{
		PayloadType: e.GetPayloadType(),
		Payload:     base64.StdEncoding.EncodeToString(e.GetPayload()),
		Signatures:  []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(e.GetSignatures()[0].GetSig())}},
	}
}

// statementAbout is an in-toto statement of a type about content.
func statementAbout(kind, content string) string {
	sum := sha256.Sum256([]byte(content))
	return `{"_type":"` + kind + `","subject":[{"name":"otelcol.tar.gz","digest":{"sha256":"` + hex.EncodeToString(sum[:]) +
		`"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{}}}`
}

// serial is a certificate's serial number.
func serial(t *testing.T) []byte {
	t.Helper()
	number := make([]byte, 16)
	_, err := rand.Read(number)
	require.NoError(t, err)
	return number
}
