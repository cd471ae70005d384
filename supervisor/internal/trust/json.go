package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is deeper than anything that is signed here.
const maxDepth = 6

// errNotJSON has no words of encoding/json, which speak of offsets in what nobody sees.
var (
	errNotJSON  = errors.New("it is not a whole JSON object")
	errTrailing = errors.New("something follows after its end")
)

// members takes a JSON object apart. Names are compared exactly, unlike encoding/json
// does, and none may come twice: two readers must not be able to see two things in the
// same bytes.
func members(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) {
		return nil, errNotJSON
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errNotJSON
	}
	found := map[string]json.RawMessage{}
	for dec.More() {
		name, err := memberName(dec)
		if err != nil {
			return nil, err
		}
		if _, twice := found[name]; twice {
			return nil, fmt.Errorf("the member %s is there twice", quote(name))
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errNotJSON
		}
		found[name] = value
	}
	return found, ended(dec)
}

// memberName reads the name of the next member of an object.
func memberName(dec *json.Decoder) (string, error) {
	token, err := dec.Token()
	name, ok := token.(string)
	if err != nil || !ok {
		return "", errNotJSON
	}
	return name, nil
}

// ended checks that the object is closed and that nothing comes after it.
func ended(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return errNotJSON
	}
	return atEnd(dec)
}

func atEnd(dec *json.Decoder) error {
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// strict decodes one JSON value into a struct. Unknown members, members that are there
// twice, names that only resemble known ones, and trailing bytes are errors.
func strict(data []byte, into any) error {
	if !utf8.Valid(data) {
		return errNotJSON
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := unambiguous(dec, maxDepth); err != nil {
		return err
	}
	if err := atEnd(dec); err != nil {
		return err
	}
	dec = json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// unambiguous reads one value and checks the names in it.
func unambiguous(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return errNotJSON
	}
	kind, nested := token.(json.Delim)
	switch {
	case !nested:
		return nil
	case depth == 0:
		return errors.New("it is nested too deeply")
	}
	seen := map[string]bool{}
	for dec.More() {
		if kind == '{' {
			if err := newName(dec, seen); err != nil {
				return err
			}
		}
		if err := unambiguous(dec, depth-1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return errNotJSON
	}
	return nil
}

// newName reads a name. encoding/json would take "SHA256", and even "ſha256", for
// "sha256"; all names of ours are lower-case ASCII, so nothing else is let through.
func newName(dec *json.Decoder, seen map[string]bool) error {
	name, err := memberName(dec)
	switch {
	case err != nil:
		return err
	case strings.ContainsFunc(name, func(r rune) bool { return r > '~' || r >= 'A' && r <= 'Z' }):
		return fmt.Errorf("unknown member %s", quote(name))
	case seen[name]:
		return fmt.Errorf("the member %s is there twice", quote(name))
	}
	seen[name] = true
	return nil
}
