package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// documentVersion is the format of a document. One of a newer opampd is moved aside, not misread.
const documentVersion = 1

// document is the envelope of a checksummed JSON file. The checksum is over State without insignificant white space, so
// that the file can be indented for people.
type document struct {
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"`
	State   json.RawMessage `json:"state"`
}

// DamagedError says why a file cannot be believed.
type DamagedError struct{ Reason string }

// Error implements error.
func (e *DamagedError) Error() string { return e.Reason }

// EncodeDocument returns v, as encoding/json has it, as a document: JSON with a checksum.
func EncodeDocument(v any) ([]byte, error) {
	state, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("not to be had as JSON: %w", err)
	}
	sum := sha256.Sum256(state)
	body, err := json.MarshalIndent(document{documentVersion, hex.EncodeToString(sum[:]), state}, "", "  ")
	return append(body, '\n'), err
}

// DecodeDocument decodes a document into v, a pointer, as encoding/json does. The error is a [*DamagedError] when it is
// torn, foreign or has a wrong checksum; v is left alone then.
func DecodeDocument(body []byte, v any) error {
	if err := isPointer(v); err != nil {
		return err
	}
	state, err := openEnvelope(body)
	if err != nil {
		return err
	}
	// A dry run first: a decoder that gives up half way must not leave half a state in v.
	if err := json.Unmarshal(state, reflect.New(reflect.TypeOf(v).Elem()).Interface()); err != nil {
		return &DamagedError{fmt.Sprintf("does not have the expected form: %v", err)}
	}
	return json.Unmarshal(state, v) //nolint:wrapcheck // it went well a line ago
}

func isPointer(v any) error {
	if target := reflect.ValueOf(v); target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("a pointer to decode into is needed, not %T", v)
	}
	return nil
}

func openEnvelope(body []byte) (json.RawMessage, error) {
	if len(body) == 0 {
		return nil, &DamagedError{"empty"}
	}
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, &DamagedError{fmt.Sprintf("torn or foreign: %v", err)}
	}
	if d.Version > documentVersion {
		return nil, &DamagedError{fmt.Sprintf("written by a newer opampd: format %d, known is %d", d.Version, documentVersion)}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, d.State); err != nil {
		return nil, &DamagedError{fmt.Sprintf("torn or foreign: %v", err)}
	}
	sum := sha256.Sum256(compact.Bytes())
	if d.Version != documentVersion || d.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, &DamagedError{"checksum does not match"}
	}
	return compact.Bytes(), nil
}

// ReadDocument decodes the document in the file name into v. The error is fs.ErrNotExist when there is none, and
// [Damaged] tells whether it is one that nobody can believe or one that could not be read.
func ReadDocument(f Reading, name string, v any) error {
	if err := isPointer(v); err != nil {
		return err
	}
	body, err := f.Read(name)
	if err != nil {
		return err
	}
	return DecodeDocument(body, v)
}

// Damaged says that err is about what is in a file, or is there instead of one: reading it again will not help.
func Damaged(err error) bool {
	_, damaged := errors.AsType[*DamagedError](err)
	return damaged || errors.Is(err, ErrForeign)
}
