package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
)

// documentVersion is the format of state.json and run.json. A file of a newer opampd is moved aside, not misread.
const documentVersion = 1

// document is the envelope of a checksummed JSON file. The checksum is over State without insignificant white space, so
// that the file can be indented for people.
type document struct {
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"`
	State   json.RawMessage `json:"state"`
}

// SaveState makes v the content of state.json: after a crash at any instant it is there whole, or the one before is. v is
// encoded as by encoding/json.
func (s *Store) SaveState(v any) error { return s.saveDocument(stateName, v) }

// LoadState decodes state.json into v, a pointer, as encoding/json does. It returns false, and leaves v alone, when there is
// none or none to be believed, which becomes an incident. An error means that the file is there and could not be read, or
// that v is no pointer.
func (s *Store) LoadState(v any) (found bool, err error) { return s.loadDocument(stateName, v) }

// SaveRun makes v the content of run.json, the record of the child; as SaveState.
func (s *Store) SaveRun(v any) error { return s.saveDocument(runName, v) }

// LoadRun decodes run.json into v; as LoadState.
func (s *Store) LoadRun(v any) (found bool, err error) { return s.loadDocument(runName, v) }

// SaveInspection makes v the content of collector.json, what the Collector's binary said of itself; as SaveState.
func (s *Store) SaveInspection(v any) error { return s.saveDocument(inspectionName, v) }

// LoadInspection decodes collector.json into v; as LoadState.
func (s *Store) LoadInspection(v any) (bool, error) { return s.loadDocument(inspectionName, v) }

// RemoveRun removes run.json durably: there is no child. It may be absent.
func (s *Store) RemoveRun() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed("remove", runName, removeFile(s.files, runName))
}

func (s *Store) saveDocument(name string, v any) error {
	body, err := encodeDocument(v)
	if err != nil {
		return s.failed("encode", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed("save", name, replaceFile(s.files, name, body))
}

func (s *Store) loadDocument(name string, v any) (bool, error) {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return false, s.failed("load", name, fmt.Errorf("a pointer to decode into is needed, not %T", v))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.readDocument(name)
	if err != nil || state == nil {
		return false, s.failed("read", name, err)
	}
	// A dry run first: a decoder that gives up half way must not leave half a state in v.
	if err := json.Unmarshal(state, reflect.New(target.Type().Elem()).Interface()); err != nil {
		s.moveAside(name, fmt.Sprintf("does not have the expected form: %v", err))
		return false, nil
	}
	return true, s.failed("decode", name, json.Unmarshal(state, v))
}

// checkDocument moves a damaged document aside. One that cannot be read now is left for the time it is asked for.
func (s *Store) checkDocument(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.readDocument(name)
}

// readDocument returns the state in a document, nil when it is absent or was moved aside.
func (s *Store) readDocument(name string) (json.RawMessage, error) {
	body, err := s.files.Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errForeign):
		s.moveAside(name, err.Error())
		return nil, nil
	case err != nil:
		return nil, err
	}
	state, err := decodeDocument(body)
	if err != nil {
		s.moveAside(name, err.Error())
	}
	return state, nil
}

func encodeDocument(v any) ([]byte, error) {
	state, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("not to be had as JSON: %w", err)
	}
	body, err := json.MarshalIndent(document{documentVersion, hexSHA256(state), state}, "", "  ")
	return append(body, '\n'), err
}

func decodeDocument(body []byte) (json.RawMessage, error) {
	if len(body) == 0 {
		return nil, errors.New("empty")
	}
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fmt.Errorf("torn or foreign: %w", err)
	}
	if d.Version > documentVersion {
		return nil, fmt.Errorf("written by a newer opampd: format %d, known is %d", d.Version, documentVersion)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, d.State); err != nil {
		return nil, fmt.Errorf("torn or foreign: %w", err)
	}
	if d.Version != documentVersion || d.SHA256 != hexSHA256(compact.Bytes()) {
		return nil, errors.New("checksum does not match")
	}
	return compact.Bytes(), nil
}

func hexSHA256(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
