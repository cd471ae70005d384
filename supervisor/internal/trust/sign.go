package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
)

// Algorithms of keys.
const (
	Ed25519   = "ed25519"
	ECDSAP256 = "ecdsa-p256" // for those whose hardware has no Ed25519
)

// PrivateKey signs releases or key lists.
type PrivateKey struct {
	signer crypto.Signer
	public publicKey
}

// GenerateKey makes a key of one of the algorithms.
func GenerateKey(algorithm string) (PrivateKey, error) {
	var signer crypto.Signer
	var err error
	switch algorithm {
	case Ed25519:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case ECDSAP256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return PrivateKey{}, fmt.Errorf("there is no algorithm %q; choose %s or %s", algorithm, Ed25519, ECDSAP256)
	}
	if err != nil {
		return PrivateKey{}, fmt.Errorf("make a key: %w", err)
	}
	return newPrivateKey(signer)
}

// ParsePrivateKey reads PKCS #8 in PEM, as PrivateKey.PEM and openssl genpkey write it.
func ParsePrivateKey(text []byte) (PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return PrivateKey{}, errors.New("it holds no PRIVATE KEY in PEM (PKCS #8, without a password)")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return PrivateKey{}, errors.New("it holds no private key that can be read")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return PrivateKey{}, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return newPrivateKey(signer)
}

func newPrivateKey(signer crypto.Signer) (PrivateKey, error) {
	public, err := newPublicKey(signer.Public())
	if err == nil {
		err = public.supported()
	}
	if err != nil {
		return PrivateKey{}, err
	}
	return PrivateKey{signer, public}, nil
}

// ID is the fingerprint of the public key, by which hosts know it unless told otherwise.
func (k PrivateKey) ID() string { return k.public.fingerprint }

// PEM returns the private key (PKCS #8) and the public one.
func (k PrivateKey) PEM() (private, public []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the private key: %w", err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(k.public.key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the public key: %w", err)
	}
	private = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER}), nil
}

// sign signs without randomness: Ed25519 has none, and ECDSA takes RFC 6979 when none is
// given. So the same statement always gives the same envelope.
func (k PrivateKey) sign(message []byte) (signature, error) {
	hash := crypto.Hash(0)
	if _, ok := k.public.key.(*ecdsa.PublicKey); ok {
		sum := sha256.Sum256(message)
		message, hash = sum[:], crypto.SHA256
	}
	made, err := k.signer.Sign(nil, message, hash)
	if err != nil {
		return signature{}, fmt.Errorf("sign with key %s: %w", k.ID(), err)
	}
	return signature{keyID: k.ID(), bytes: made}, nil
}

// SignRelease returns the envelope with a statement, to be offered as the signature of the
// archive. Its Type is filled in. keyList is a signed key list to go along, or nil.
func SignRelease(s Statement, keyList []byte, key PrivateKey) ([]byte, error) {
	s.Type = statementType
	payload, err := json.Marshal(s)
	if err == nil {
		_, err = parseStatement(payload) // what is signed must be what a host will take
	}
	if err != nil {
		return nil, fmt.Errorf("the statement cannot be signed: %w", err)
	}
	return sealed(envelope{payloadType: releaseType, payload: payload, keyList: keyList}, key)
}

// SignKeyList returns the envelope with a key list. Its Type is filled in.
func SignKeyList(l KeyList, key PrivateKey) ([]byte, error) {
	l.Type = KeyListStatement
	payload, err := json.Marshal(l)
	if err == nil {
		_, _, err = parseKeyList(payload)
	}
	if err != nil {
		return nil, fmt.Errorf("the key list cannot be signed: %w", err)
	}
	return sealed(envelope{payloadType: keyListType, payload: payload}, key)
}

// AddSignature signs what an envelope holds, a statement or a key list, with one more key.
// The bytes that are signed stay as they are. A key list that is not nil replaces the one
// that goes along.
func AddSignature(data, keyList []byte, key PrivateKey) ([]byte, error) {
	e, err := parseEnvelope(data)
	if err != nil {
		return nil, fmt.Errorf("it is no envelope: %w", err)
	}
	if len(e.signers([]publicKey{key.public})) > 0 {
		return nil, fmt.Errorf("key %s signed it already", key.ID())
	}
	switch e.payloadType {
	case releaseType:
		_, err = parseStatement(e.payload)
	case keyListType:
		_, _, err = parseKeyList(e.payload)
	default:
		err = fmt.Errorf("its type is %s", quote(e.payloadType))
	}
	if err != nil {
		return nil, fmt.Errorf("what it holds cannot be signed: %w", err)
	}
	if keyList != nil {
		e.keyList = keyList
	}
	return sealed(e, key)
}

// sealed adds a signature and writes the envelope.
func sealed(e envelope, key PrivateKey) ([]byte, error) {
	made, err := key.sign(toSign(e.payloadType, e.payload))
	if err != nil {
		return nil, err
	}
	e.signatures = append(e.signatures, made)
	data, err := e.marshal()
	if err != nil {
		return nil, err
	}
	if len(data) > maxSignature || len(e.signatures) > maxSigners {
		return nil, fmt.Errorf("it has %d bytes and %d signatures; hosts accept %d bytes and %d signatures", len(data), len(e.signatures), maxSignature, maxSigners)
	}
	return data, nil
}

func (e envelope) marshal() ([]byte, error) {
	type wireSignature struct {
		KeyID string `json:"keyid"`
		Sig   []byte `json:"sig"`
	}
	wire := struct {
		PayloadType string          `json:"payloadType"`
		Payload     []byte          `json:"payload"`
		Signatures  []wireSignature `json:"signatures"`
		KeyList     json.RawMessage `json:"keylist,omitempty"`
	}{PayloadType: e.payloadType, Payload: e.payload, KeyList: e.keyList}
	for _, s := range e.signatures {
		wire.Signatures = append(wire.Signatures, wireSignature{s.keyID, s.bytes})
	}
	data, err := json.MarshalIndent(wire, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the envelope: %w", err)
	}
	return append(data, '\n'), nil
}
