package trust

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// revocations is what may not be installed although it was signed.
type revocations struct {
	keys   map[string]bool // ids and fingerprints
	hashes map[string]bool
	floor  int64
}

// parseRevocations reads a local file: one "sha256:HEX", "key:ID" or "floor:N" a line, the
// rest of a line after # being a comment.
func parseRevocations(data []byte) (revocations, error) {
	r := revocations{keys: map[string]bool{}, hashes: map[string]bool{}}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := r.add(line); err != nil {
			return r, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return r, nil
}

func (r *revocations) add(line string) error {
	kind, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch kind {
	case "sha256":
		if !isSHA256(strings.ToLower(value)) {
			return fmt.Errorf("%s is no SHA-256 in hex", quote(value))
		}
		r.hashes[strings.ToLower(value)] = true
		return nil
	case "key":
		r.keys[value] = true
		return checkID(value)
	case "floor":
		floor, err := strconv.ParseInt(value, 10, 64)
		if err != nil || floor < 0 {
			return errors.New("floor must be a whole number")
		}
		r.floor = max(r.floor, floor)
		return nil
	}
	return fmt.Errorf("%s is none of sha256:HEX, key:ID and floor:N", quote(line))
}

// revoked puts together what the local file, the list in force and the state forbid.
func (t *Trust) revoked(l *signedList, s State) revocations {
	all := revocations{keys: map[string]bool{}, hashes: map[string]bool{}, floor: max(t.local.floor, s.Floor)}
	for key := range t.local.keys {
		all.keys[key] = true
	}
	for hash := range t.local.hashes {
		all.hashes[hash] = true
	}
	known := slices.Clone(t.named)
	if l != nil {
		for _, key := range l.RevokedKeys {
			all.keys[key] = true
		}
		for _, hash := range l.RevokedHashes {
			all.hashes[hash] = true
		}
		all.floor = max(all.floor, l.Floor)
		known = append(known, l.keys...)
	}
	for _, key := range known { // revoked by one name is revoked by all
		if all.keys[key.id] {
			all.keys[key.fingerprint] = true
		}
	}
	return all
}

// key says whether a signer is revoked by one of its names, as publicKey.name has them.
func (r revocations) key(signer string) bool {
	return slices.ContainsFunc(strings.Fields(signer), func(name string) bool { return r.keys[name] })
}

// check is asked before a release is installed and, by Revoked, at any time after.
func (r revocations) check(sha256 string, signers []string, threshold int, index int64) error {
	good := 0
	for _, signer := range signers {
		if !r.key(signer) {
			good++
		}
	}
	switch {
	case good < min(len(signers), threshold):
		return refuse(checkRevokedKey, "a key that signed it is revoked (signed by %s): have it signed by another one", strings.Join(signers, ", "))
	case r.hashes[sha256]:
		return refuse(checkRevokedHash, "the archive %s is revoked", sha256)
	case index > 0 && index < r.floor:
		return refuse(checkFloor, "its index %d is below the security floor %d", index, r.floor)
	}
	return nil
}

// Revoked says whether a release that was installed must not run any more: before going
// back to it, and at start. Given is what was kept of its Verified: the archive's SHA-256
// in hex, Signers, and the index of its statement (0 if it had none). What to do about a
// *Refusal is the caller's policy, for stopping telemetry because of a list is an outage,
// too.
func (t *Trust) Revoked(sha256 string, signers []string, index int64, s State) error {
	l, s, err := t.lists(s, nil)
	if err != nil {
		return err
	}
	return t.revoked(l, s).check(strings.ToLower(sha256), signers, t.policy.Threshold, index)
}
