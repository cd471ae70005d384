package effective

import (
	"errors"
	"regexp"
	"strings"
)

// redacted stands where a secret was.
const redacted = "[REDACTED]"

// ErrOtherConfiguration says that the Collector reported a configuration other than the rendered one, so that nobody can
// tell which of its values came from the environment.
var ErrOtherConfiguration = errors.New("the Collector reported another configuration than the one it was compared with")

// Redact makes the copy of the configuration that may leave the host (W9, S-292).
//
// reported is what the Collector says it runs, with every "${...}" filled in; rendered is what [Render] made for it. The
// result has the structure of reported without the marker, with the "${...}" of rendered put back, and with "[REDACTED]"
// in place of values under keys that name secrets, of headers, and of passwords within URLs and connection strings. A
// reference that says no more than where a secret is kept, such as ${env:TOKEN}, stays.
//
// When reported is empty the result is made of rendered alone. On an error nothing may be sent: a [*ContentError] says that
// one of them cannot be read, [ErrOtherConfiguration] that they do not belong together.
func Redact(reported, rendered []byte) ([]byte, error) {
	ours, err := parseWhole(rendered, "rendered configuration")
	if err != nil {
		return nil, err
	}
	theirs := ours
	if len(reported) > 0 {
		if theirs, err = parseWhole(reported, "configuration reported by the Collector"); err != nil {
			return nil, err
		}
	}
	if marker(ours) != marker(theirs) {
		return nil, ErrOtherConfiguration
	}
	clean, _ := redact(theirs, ours, open).(map[string]any)
	removeMarker(clean)
	return encode(clean), nil
}

func parseWhole(body []byte, name string) (map[string]any, error) {
	var p parser
	tree, _, err := p.parse(body)
	if fault, ok := errors.AsType[*ContentError](err); ok {
		fault.Layer = name
		return nil, fault
	}
	return tree, err
}

// secrecy is what is known about a value from the keys above it.
type secrecy int

const (
	// open values are shown unless their own text gives a secret away.
	open secrecy = iota
	// keyed values are open except for one under "key", as in api: {key: ...}.
	keyed
	// pair values are {name, value} pairs in a list of headers: the name may be shown.
	pair
	// sealed values are under a key that names a secret: paths and kinds may be shown.
	sealed
	// opaque values are hidden whatever their key.
	opaque
)

// redact gives the copy of reported that may be shown. rendered is the value at the same place of our own rendering, nil
// when there is none. Booleans and nulls are no secrets.
func redact(reported, rendered any, s secrecy) any {
	if text, ok := rendered.(string); ok && strings.Contains(text, "${") {
		return redactReference(text, reported, s)
	}
	switch value := reported.(type) {
	case map[string]any:
		return redactMapping(value, rendered, s)
	case []any:
		written, _ := rendered.([]any)
		list := make([]any, len(value))
		for i, item := range value {
			var at any
			if i < len(written) {
				at = written[i]
			}
			list[i] = redact(item, at, s)
		}
		return list
	case nil, bool:
		return value
	}
	if s > keyed {
		return redacted
	}
	if text, ok := reported.(string); ok {
		return scrub(text)
	}
	return reported
}

func redactMapping(value map[string]any, rendered any, s secrecy) map[string]any {
	written, _ := rendered.(map[string]any)
	clean := make(map[string]any, len(value))
	for key, item := range value {
		clean[key] = redact(item, written[key], below(s, key, item, value))
	}
	return clean
}

// plainReference matches text that only says where a value comes from: no default, no text around it.
var plainReference = regexp.MustCompile(`^\$\{(?:(?:env|file):)?[\w./-]+\}$`)

// redactReference shows the text that the Collector filled in, but not the literal values that can be written into it: a
// default, or a whole section as YAML.
func redactReference(text string, filledIn any, s secrecy) any {
	if plainReference.MatchString(text) {
		return text
	}
	if s > keyed {
		return redacted
	}
	switch filledIn.(type) {
	case map[string]any, []any:
		return redacted
	}
	return scrub(text)
}
