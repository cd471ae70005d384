package trust

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"aead.dev/minisign"
)

// load reads one trust root.
func (t *Trust) load(root Root, owner int) error {
	if root.ID != "" {
		if err := checkID(root.ID); err != nil {
			return err
		}
	}
	data, err := readGuarded(root.File, owner)
	if err != nil {
		return err
	}
	switch root.Kind {
	case KindKey:
		return t.addKey(&t.keys, root, data)
	case KindRoot:
		return t.addKey(&t.roots, root, data)
	case KindMinisign:
		return t.addMinisign(root, data)
	case KindSigstoreKey, KindSigstore:
		return t.addSigstore(root, data)
	}
	return fmt.Errorf("the kind must be %s, %s, %s, %s or %s", KindKey, KindRoot, KindMinisign, KindSigstoreKey, KindSigstore)
}

func (t *Trust) addKey(to *[]publicKey, root Root, data []byte) error {
	key, err := parsePublicKey(data)
	if err != nil {
		return err
	}
	if key, err = t.name(key, root.ID); err != nil {
		return err
	}
	if slices.ContainsFunc(*to, func(k publicKey) bool { return k.fingerprint == key.fingerprint }) {
		return errors.New("the same key is there twice, and would count once")
	}
	*to = append(*to, key)
	return nil
}

// name gives a key the id of its root. Two keys of one id could not be revoked apart.
func (t *Trust) name(key publicKey, id string) (publicKey, error) {
	if id != "" {
		key.id = id
	}
	for _, other := range t.named {
		if other.id == key.id && other.fingerprint != key.fingerprint {
			return key, fmt.Errorf("another key has the id %s, too", key.id)
		}
	}
	t.named = append(t.named, key)
	return key, nil
}

func (t *Trust) addMinisign(root Root, data []byte) error {
	var key minisign.PublicKey
	if err := key.UnmarshalText(data); err != nil {
		return errors.New("it is no minisign public key, as minisign -G writes one to minisign.pub")
	}
	raw, err := base64.StdEncoding.DecodeString(key.String())
	if err != nil || len(raw) < ed25519.PublicKeySize {
		return errors.New("it is no minisign public key")
	}
	public, err := newPublicKey(ed25519.PublicKey(raw[len(raw)-ed25519.PublicKeySize:])) // after algorithm and number
	if err != nil {
		return err
	}
	if public, err = t.name(public, root.ID); err != nil {
		return err
	}
	t.minisign = append(t.minisign, minisignKey{public, key})
	return nil
}

func (t *Trust) addSigstore(root Root, data []byte) error {
	if t.sigstore.verify == nil {
		return errors.New("there is no program that checks Sigstore bundles")
	}
	added := sigstoreRoot{file: root.File, keyless: root.Kind == KindSigstore}
	if added.keyless {
		if !t.sigstore.choosy() {
			return errors.New("it is good for everybody who has an account: name the identities that may sign, each with issuer and subject")
		}
		if _, err := members(data); err != nil {
			return fmt.Errorf("it is no trusted_root.json: %w", err)
		}
	} else {
		key, err := parseAnyKey(data)
		if err != nil {
			return err
		}
		if added.key, err = t.name(key, root.ID); err != nil {
			return err
		}
	}
	t.sigstore.roots = append(t.sigstore.roots, added)
	return nil
}

func (t *Trust) loadKeyList(path string, owner int) error {
	if path == "" {
		return nil
	}
	data, err := readGuarded(path, owner)
	if err == nil {
		t.list, err = t.believe(data)
	}
	if err != nil {
		return fmt.Errorf("key list %s: %w", path, err)
	}
	return nil
}

func (t *Trust) loadRevocations(path string, owner int) error {
	if path == "" {
		return nil
	}
	data, err := readGuarded(path, owner)
	if err == nil {
		t.local, err = parseRevocations(data)
	}
	if err != nil {
		return fmt.Errorf("revocations %s: %w", path, err)
	}
	// A list cannot revoke who signs it; the local file can.
	t.roots = slices.DeleteFunc(t.roots, func(k publicKey) bool { return t.local.key(k.name()) })
	return nil
}
