package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// bundleObject is a bundle signed with a key as cosign writes it: sign-blob --key, without a transparency log.
type bundleObject struct {
	MediaType string          `json:"mediaType"`
	Material  materialObject  `json:"verificationMaterial"`
	Message   *messageObject  `json:"messageSignature,omitempty"`
	Envelope  *envelopeObject `json:"dsseEnvelope,omitempty"`
}

type materialObject struct {
	PublicKey struct {
		Hint string `json:"hint"`
	} `json:"publicKey"`
}

type messageObject struct {
	Digest struct {
		Algorithm string `json:"algorithm"`
		Digest    []byte `json:"digest"`
	} `json:"messageDigest"`
	Signature []byte `json:"signature"`
}

type envelopeObject struct {
	Payload     []byte            `json:"payload"`
	PayloadType string            `json:"payloadType"`
	Signatures  []signatureObject `json:"signatures"`
}

type signatureObject struct {
	Signature []byte `json:"sig"`
}

// keyObject is a bundle with the key's signature over content. The signature of an ECDSA key is a function of both.
func keyObject(t *testing.T, key crypto.Signer, content string) bundleObject {
	t.Helper()
	digest := sha256.Sum256([]byte(content))
	message := &messageObject{}
	message.Digest.Algorithm, message.Digest.Digest = "SHA2_256", digest[:]
	if _, ed := key.(ed25519.PrivateKey); !ed {
		signature, err := key.Sign(nil, digest[:], crypto.SHA256) // RFC 6979: no randomness
		require.NoError(t, err)
		message.Signature = signature
	}
	b := signedBy(t, key)
	b.Message = message
	return b
}

func signedBy(t *testing.T, key crypto.Signer) bundleObject {
	t.Helper()
	b := bundleObject{MediaType: mediaTypes()[0]}
	b.Material.PublicKey.Hint = base64.StdEncoding.EncodeToString(keyID(t, key))
	return b
}

func keyBundle(t *testing.T, key crypto.Signer, content string) []byte {
	t.Helper()
	return asJSON(t, keyObject(t, key, content))
}

// keyAttestation is a bundle with a statement that the key signed.
func keyAttestation(t *testing.T, key crypto.Signer, statement string) []byte {
	t.Helper()
	b := signedBy(t, key)
	b.Envelope = &envelopeObject{
		Payload: []byte(statement), PayloadType: inTotoType,
		Signatures: []signatureObject{{signPAE(t, key, statement)}},
	}
	return asJSON(t, b)
}

func asJSON(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	require.NoError(t, err)
	return append(text, '\n')
}
