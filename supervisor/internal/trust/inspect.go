package trust

import (
	"errors"
	"fmt"
)

// Claims is what a signature says of itself. Nothing in it was verified.
type Claims struct {
	Format    string
	KeyIDs    []string   // which keys it claims to be of
	Statement *Statement // nil when it holds none
	KeyList   *Claimed   // nil when none goes along; of a key list alone, itself
	Comment   string     // the trusted comment of minisign
}

// Claimed is a key list that nobody verified.
type Claimed struct {
	KeyList
	KeyIDs []string
}

// Inspect reads a signature, or a signed key list, without believing it. The SHA-256 and
// size of a minisign statement are empty, for they are those of its archive.
func Inspect(data []byte) (Claims, error) {
	format, err := sniff(data)
	if err != nil {
		return Claims{}, fmt.Errorf("the signature cannot be read: %w", err)
	}
	c := Claims{Format: format}
	switch format {
	case FormatEnvelope:
		err = c.envelope(data)
	case FormatMinisign:
		err = c.minisign(data)
	}
	return c, err
}

func (c *Claims) envelope(data []byte) error {
	e, err := parseEnvelope(data)
	if err != nil {
		return fmt.Errorf("the envelope cannot be read: %w", err)
	}
	if e.payloadType == keyListType {
		return c.keyList(data)
	}
	c.KeyIDs = e.keyIDs()
	if c.Statement, err = parseStatement(e.payload); err != nil {
		return fmt.Errorf("the statement would be refused: %w", err)
	}
	if e.keyList != nil {
		return c.keyList(e.keyList)
	}
	return nil
}

func (c *Claims) keyList(data []byte) error {
	e, err := openEnvelope(data, keyListType)
	if err != nil {
		return fmt.Errorf("the key list cannot be read: %w", err)
	}
	l, _, err := parseKeyList(e.payload)
	if err != nil {
		return fmt.Errorf("the key list would be refused: %w", err)
	}
	c.KeyList = &Claimed{l, e.keyIDs()}
	return nil
}

func (c *Claims) minisign(data []byte) error {
	signed, err := parseMinisign(data)
	if err != nil {
		return fmt.Errorf("the minisign signature cannot be read: %w", err)
	}
	c.KeyIDs, c.Comment = []string{fmt.Sprintf("%016X", signed.KeyID)}, signed.TrustedComment
	if c.Statement, err = parseComment(signed.TrustedComment, Archive{Size: 1}); err != nil {
		return fmt.Errorf("the statement in the trusted comment would be refused: %w", err)
	}
	if c.Statement != nil {
		c.Statement.SHA256, c.Statement.Size = "", 0
	}
	return nil
}

// ReadKeyList reads a key list, signed or not, without believing it.
func ReadKeyList(data []byte) (KeyList, error) {
	if _, err := sniff(data); err == nil {
		c, err := Inspect(data)
		if err == nil && (c.KeyList == nil || c.Statement != nil) {
			err = errors.New("it is a signature, not a key list")
		}
		if err != nil {
			return KeyList{}, err
		}
		return c.KeyList.KeyList, nil
	}
	l, _, err := parseKeyList(data)
	if err != nil {
		return KeyList{}, fmt.Errorf("it is no key list: %w", err)
	}
	return l, nil
}
