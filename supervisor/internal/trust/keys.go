package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// publicKey is a key that may have signed something.
type publicKey struct {
	id          string // as somebody named it, otherwise the fingerprint
	fingerprint string
	key         crypto.PublicKey // ed25519.PublicKey or *ecdsa.PublicKey
	listed      *ListedKey       // nil for one of a local file, which is good for every index
}

// parsePublicKey reads a key that may sign envelopes: PEM, or base64 of the DER inside it.
func parsePublicKey(text []byte) (publicKey, error) {
	k, err := parseAnyKey(text)
	if err != nil {
		return k, err
	}
	return k, k.supported()
}

// supported says whether envelopes can be signed with such a key.
func (k publicKey) supported() error {
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return nil
		}
		return fmt.Errorf("it is an ECDSA key on %s; only P-256 is supported", key.Params().Name)
	}
	return fmt.Errorf("it is a key of type %T; Ed25519 and ECDSA P-256 are supported", k.key)
}

// parseAnyKey reads a key of whatever algorithm.
func parseAnyKey(text []byte) (publicKey, error) {
	der, err := publicDER(bytes.TrimSpace(text))
	if err != nil {
		return publicKey{}, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return publicKey{}, errors.New("it holds no public key that can be read")
	}
	return newPublicKey(key)
}

func publicDER(text []byte) ([]byte, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		der, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return nil, errors.New("it is no public key in PEM; opampd package keygen writes one to NAME.pub")
		}
		return der, nil
	case strings.Contains(block.Type, "PRIVATE"):
		return nil, errors.New("it is a private key, which belongs to the signer alone: give the public one, NAME.pub")
	case block.Type != "PUBLIC KEY":
		return nil, fmt.Errorf("it holds a %s; a PUBLIC KEY is needed", quote(block.Type))
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("something follows after the key: give each key a file of its own")
	}
	return block.Bytes, nil
}

// newPublicKey names a key by its bytes. Everything that counts keys or revokes them goes
// by this, since a key can be configured twice under two names.
func newPublicKey(key crypto.PublicKey) (publicKey, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return publicKey{}, fmt.Errorf("it cannot be named: %w", err)
	}
	sum := sha256.Sum256(der)
	fingerprint := hex.EncodeToString(sum[:8])
	return publicKey{id: fingerprint, fingerprint: fingerprint, key: key}, nil
}

func (k publicKey) verifies(message, signature []byte) bool {
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, sum[:], signature)
	}
	return false
}

// name is the id, and the fingerprint if that is something else.
func (k publicKey) name() string {
	if k.id == k.fingerprint {
		return k.id
	}
	return k.id + " " + k.fingerprint
}

// goodFor says whether the key may sign a release of this index.
func (k publicKey) goodFor(index int64) bool {
	return k.listed == nil || index >= k.listed.From && (k.listed.Until == 0 || index <= k.listed.Until)
}

// checkID keeps names apart in lists that are separated by blanks, and off the terminal
// what it would take for a command.
func checkID(id string) error {
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("the key id %s must be 1 to 64 printable ASCII characters without blanks", quote(id))
	}
	return nil
}

// names joins what keys are called, for a message.
func names(keys []publicKey) string {
	all := make([]string, 0, len(keys))
	for _, k := range keys {
		all = append(all, k.id)
	}
	return strings.Join(all, ", ")
}
