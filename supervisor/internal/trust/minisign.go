package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"aead.dev/minisign"
)

// maxLegacy bounds archives with a signature of the old kind, which needs all of it in
// memory.
const maxLegacy = 64 << 20

// parseMinisign reads a signature that has exactly one form: what comes after it, or is
// encoded in another way than minisign does, is refused rather than ignored.
func parseMinisign(data []byte) (minisign.Signature, error) {
	var s minisign.Signature
	if err := s.UnmarshalText(data); err != nil {
		return s, errors.New("it is no whole minisign signature")
	}
	written, err := s.MarshalText()
	if err != nil || !bytes.Equal(bytes.TrimSuffix(written, []byte("\n")), bytes.TrimSuffix(data, []byte("\n"))) {
		return s, errors.New("it is not as minisign writes it, or something follows after its end")
	}
	return s, nil
}

// minisigned finds the key that signed the archive, if there is one.
func (t *Trust) minisigned(signed minisign.Signature, raw []byte, archive Archive) (*publicKey, error) {
	i := slices.IndexFunc(t.minisign, func(k minisignKey) bool { return k.minisign.ID() == signed.KeyID })
	if i < 0 { // the number is in the signature: the archive need not be read
		return nil, nil //nolint:nilnil // nobody signed, which is no error
	}
	verifies, err := minisignMessage(signed, raw, archive)
	if err != nil {
		return nil, err
	}
	for _, key := range t.minisign {
		if key.minisign.ID() == signed.KeyID && verifies(key.minisign) {
			return &key.publicKey, nil
		}
	}
	return nil, nil //nolint:nilnil // nobody signed, which is no error
}

// minisignMessage reads the archive once, in the way that the algorithm of the signature
// asks for. (The library's Reader would take a signature of the old kind over the hash for
// one over the archive, so the two must be kept apart here.)
func minisignMessage(signed minisign.Signature, raw []byte, archive Archive) (func(minisign.PublicKey) bool, error) {
	prehashed := signed.Algorithm == minisign.HashEdDSA
	if !prehashed && archive.Size > maxLegacy {
		return nil, refuse(checkFormat, "a minisign signature of the old kind needs all of the archive in memory, which is done up to %d MiB: sign it with minisign -H", maxLegacy>>20)
	}
	body, err := archive.Open()
	if err != nil {
		return nil, fmt.Errorf("open the archive to check its signature: %w", err)
	}
	defer func() { _ = body.Close() }()
	if prehashed {
		hashed := minisign.NewReader(body)
		if _, err := io.Copy(io.Discard, hashed); err != nil {
			return nil, fmt.Errorf("read the archive to check its signature: %w", err)
		}
		return func(key minisign.PublicKey) bool { return hashed.Verify(key, raw) }, nil
	}
	all, err := io.ReadAll(io.LimitReader(body, archive.Size))
	if err != nil {
		return nil, fmt.Errorf("read the archive to check its signature: %w", err)
	}
	return func(key minisign.PublicKey) bool { return minisign.Verify(key, all, raw) }, nil
}

// parseComment reads the statement out of a trusted comment; nil when there is none in it.
// The bytes it is about are those of the archive, which the signature covers.
func parseComment(comment string, archive Archive) (*Statement, error) {
	words := strings.Fields(comment)
	if len(words) == 0 || words[0] != "opampd" {
		return nil, nil //nolint:nilnil // it speaks of the bytes alone, which is no error
	}
	s := &Statement{Type: statementType, SHA256: archive.sha256(), Size: archive.Size}
	seen := map[string]bool{}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		if seen[name] {
			return nil, fmt.Errorf("%s is there twice", quote(name))
		}
		seen[name] = true
		if err := s.set(name, value); err != nil {
			return nil, fmt.Errorf("%s: %w", quote(word), err)
		}
	}
	return s, s.check()
}

func (s *Statement) set(name, value string) (err error) {
	switch name {
	case "package":
		s.Package = value
	case "version":
		s.Version = value
	case "os":
		s.OS = value
	case "arch":
		s.Arch = value
	case "index":
		s.Index, err = number(value)
	case "floor":
		s.Floor, err = number(value)
	case "expires":
		if s.Expires, err = time.Parse(time.RFC3339, value); err != nil {
			err = errors.New("not a time such as 2027-01-31T00:00:00Z")
		}
	default:
		err = errors.New("not known")
	}
	return err
}

func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strings.HasPrefix(s, "+") {
		return 0, errors.New("not a whole number")
	}
	return n, nil
}
