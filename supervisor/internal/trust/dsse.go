package trust

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	releaseType  = "application/vnd.opampd.release.v1+json"
	keyListType  = "application/vnd.opampd.keylist.v1+json"
	maxSignature = 64 << 10
	// maxSigners bounds the work that a stranger can ask for: each signature is tried with
	// each key.
	maxSigners = 16
)

// envelope is a DSSE v1 envelope (https://github.com/secure-systems-lab/dsse, envelope.md).
type envelope struct {
	payloadType string
	payload     []byte
	signatures  []signature
	keyList     []byte // another envelope, as it came; not covered by the signatures, for it has its own
}

type signature struct {
	keyID string // a hint, of which nothing may depend (protocol.md)
	bytes []byte
}

// parseEnvelope reads an envelope. Members that it does not know are ignored, as
// envelope.md asks; nothing in them counts.
func parseEnvelope(data []byte) (envelope, error) {
	found, err := members(data)
	if err != nil {
		return envelope{}, err
	}
	e := envelope{keyList: found["keylist"]}
	if err := text(found, "payloadType", &e.payloadType); err != nil {
		return envelope{}, err
	}
	if e.payload, err = binary(found, "payload"); err != nil {
		return envelope{}, err
	}
	var all []json.RawMessage
	if json.Unmarshal(found["signatures"], &all) != nil || len(all) == 0 || len(all) > maxSigners {
		return envelope{}, fmt.Errorf("signatures must be a list of 1 to %d", maxSigners)
	}
	for _, one := range all {
		s, err := parseSignature(one)
		if err != nil {
			return envelope{}, err
		}
		e.signatures = append(e.signatures, s)
	}
	return e, nil
}

func parseSignature(data []byte) (signature, error) {
	found, err := members(data)
	if err != nil {
		return signature{}, fmt.Errorf("a signature in it: %w", err)
	}
	var s signature
	if found["keyid"] != nil {
		if err := text(found, "keyid", &s.keyID); err != nil {
			return signature{}, err
		}
	}
	s.bytes, err = binary(found, "sig")
	return s, err
}

func text(found map[string]json.RawMessage, name string, into *string) error {
	if found[name] == nil || json.Unmarshal(found[name], into) != nil {
		return fmt.Errorf("%s must be a text", name)
	}
	return nil
}

// binary reads base64, in the standard or the URL alphabet: verifiers must accept either
// (protocol.md).
func binary(found map[string]json.RawMessage, name string) ([]byte, error) {
	var encoded string
	if err := text(found, name, &encoded); err != nil {
		return nil, err
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(encoded))
	if err != nil {
		return nil, fmt.Errorf("%s is not base64", name)
	}
	return decoded, nil
}

// toSign is the pre-authentication encoding of protocol.md: what a signature covers. The
// type in it keeps a signature from being good for anything else than it was made for.
func toSign(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// signers returns those of keys that signed the envelope, each key once however often it
// is known or signed.
func (e envelope) signers(keys []publicKey) []publicKey {
	message := toSign(e.payloadType, e.payload)
	var found []publicKey
	seen := map[string]bool{}
	for _, key := range keys {
		if seen[key.fingerprint] {
			continue
		}
		for _, s := range e.signatures {
			if key.verifies(message, s.bytes) {
				found, seen[key.fingerprint] = append(found, key), true
				break
			}
		}
	}
	return found
}

// keyIDs is by whom the envelope claims to be signed.
func (e envelope) keyIDs() []string {
	var ids []string
	for _, s := range e.signatures {
		ids = append(ids, s.keyID)
	}
	return ids
}

// openEnvelope reads an envelope of one type.
func openEnvelope(data []byte, payloadType string) (envelope, error) {
	if len(data) > maxSignature {
		return envelope{}, fmt.Errorf("it has %d bytes, more than the %d that are read", len(data), maxSignature)
	}
	e, err := parseEnvelope(data)
	if err == nil && e.payloadType != payloadType {
		err = fmt.Errorf("its type is %s, not %s", quote(e.payloadType), payloadType)
	}
	if err != nil {
		return envelope{}, err
	}
	return e, nil
}
