package config

import "net/http"

const redacted = "[REDACTED]"

// Secret is a string that does not print: fmt, encoding/json, YAML and zap all show [REDACTED] (W31).
// string(s) gives the value to whoever has a use for it.
type Secret string

// String returns a placeholder, never the value.
func (Secret) String() string { return redacted }

// GoString keeps %#v from showing what %v hides.
func (Secret) GoString() string { return redacted }

// MarshalText keeps encoders from showing what %v hides.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Headers are HTTP headers whose values do not print.
type Headers map[string][]Secret

// HTTP returns the headers in canonical form, with their values in clear.
func (h Headers) HTTP() http.Header {
	header := make(http.Header, len(h))
	for name, values := range h {
		for _, value := range values {
			header.Add(name, string(value))
		}
	}
	return header
}
