package trust

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// KeyListStatement is the Type of a KeyList.
const KeyListStatement = "opampd.keylist.v1"

// maxListed bounds the keys of a list, each of which is tried with each signature.
const maxListed = 64

// KeyList says which keys may sign releases, and what is revoked. It is signed by the
// offline root keys, so that signing keys can come and go without anybody touching a host.
type KeyList struct {
	Type   string      `json:"type"`   // opampd.keylist.v1
	Number int64       `json:"number"` // 1 or more; each list has a higher one than the last
	Keys   []ListedKey `json:"keys"`
	// RevokedKeys are ids or fingerprints. What such a key signed is not installed any
	// more, whatever its index.
	RevokedKeys   []string  `json:"revoked_keys,omitempty"`
	RevokedHashes []string  `json:"revoked_hashes,omitempty"` // SHA-256 of archives, lower-case hex
	Floor         int64     `json:"floor,omitempty"`          // the lowest index that may be installed
	Issued        time.Time `json:"issued"`                   // evidence that this time has come
}

// ListedKey is one signing key. It is good for releases by their index and not by a date:
// so a key that was replaced stays good for the old releases that it signed, and going
// back to them stays possible.
type ListedKey struct {
	ID     string `json:"id"`
	Public string `json:"public"`                // PEM, or base64 of the DER in it
	From   int64  `json:"from_index,omitempty"`  // first index it may sign
	Until  int64  `json:"until_index,omitempty"` // last index it may sign; 0 for no end
}

// signedList is a key list with the bytes that it came in.
type signedList struct {
	KeyList
	envelope []byte
	payload  []byte
	keys     []publicKey
	believed bool // enough of today's root keys signed it
}

// openKeyList reads a list and sees whether threshold of roots signed it. A list that they
// did not sign is no error here, only not believed.
func openKeyList(data []byte, roots []publicKey, threshold int) (*signedList, error) {
	e, err := openEnvelope(data, keyListType)
	if err != nil {
		return nil, err
	}
	l := signedList{envelope: data, payload: e.payload}
	if l.KeyList, l.keys, err = parseKeyList(e.payload); err != nil {
		return nil, err
	}
	l.believed = len(roots) > 0 && len(e.signers(roots)) >= threshold
	return &l, nil
}

func parseKeyList(payload []byte) (KeyList, []publicKey, error) {
	var l KeyList
	if err := strict(payload, &l); err != nil {
		return KeyList{}, nil, err
	}
	if err := l.check(); err != nil {
		return KeyList{}, nil, err
	}
	keys, err := l.publicKeys()
	return l, keys, err
}

func (l *KeyList) check() error {
	switch {
	case l.Type != KeyListStatement:
		return fmt.Errorf("its type is %s, not %s", quote(l.Type), KeyListStatement)
	case l.Number < 1:
		return errors.New("number must be at least 1")
	case l.Floor < 0:
		return errors.New("floor must not be negative")
	case l.Issued.IsZero():
		return errors.New("issued must be a time, as in 2027-01-31T00:00:00Z")
	case len(l.Keys) > maxListed:
		return fmt.Errorf("it lists %d keys; %d are allowed", len(l.Keys), maxListed)
	}
	for _, id := range l.RevokedKeys {
		if err := checkID(id); err != nil {
			return fmt.Errorf("revoked_keys: %w", err)
		}
	}
	for _, hash := range l.RevokedHashes {
		if !isSHA256(hash) {
			return fmt.Errorf("revoked_hashes: %s must be 64 digits of lower-case hex", quote(hash))
		}
	}
	return nil
}

// publicKeys reads the listed keys, none of which may be there twice: which of two ranges
// holds would be anybody's guess.
func (l *KeyList) publicKeys() ([]publicKey, error) {
	seen := map[string]bool{}
	var keys []publicKey
	for i := range l.Keys {
		k := &l.Keys[i]
		public, err := k.publicKey()
		if err != nil {
			return nil, fmt.Errorf("keys: %s: %w", quote(k.ID), err)
		}
		if seen[public.id] || seen[public.fingerprint] {
			return nil, fmt.Errorf("keys: %s is there twice", quote(k.ID))
		}
		seen[public.id], seen[public.fingerprint] = true, true
		keys = append(keys, public)
	}
	return keys, nil
}

func (k *ListedKey) publicKey() (publicKey, error) {
	if err := checkID(k.ID); err != nil {
		return publicKey{}, err
	}
	if k.From < 0 || k.Until < 0 || k.Until > 0 && k.Until < k.From {
		return publicKey{}, errors.New("from_index and until_index must not be negative, nor the wrong way round")
	}
	public, err := parsePublicKey([]byte(k.Public))
	if err != nil {
		return publicKey{}, err
	}
	public.id, public.listed = k.ID, k
	return public, nil
}

// same says whether two lists say the same, whoever signed them.
func (l *signedList) same(other *signedList) bool { return bytes.Equal(l.payload, other.payload) }
