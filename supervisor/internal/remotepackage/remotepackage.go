// Package remotepackage encodes what a server says of a package's file, so that it can
// be kept until it is fetched, and across restarts.
package remotepackage

import (
	"encoding/json"
	"fmt"
)

// File is a DownloadableFile of the OpAMP specification, but for its hash.
type File struct {
	URL       string   `json:"url"`
	Headers   []Header `json:"headers,omitempty"`
	Signature []byte   `json:"signature,omitempty"`
	// Path is a file of this host that an operator gave instead.
	Path string `json:"path,omitempty"`
}

// Header is sent with the request for the file. It may hold credentials.
type Header struct{ Name, Value string }

// Encode returns the bytes to keep.
func Encode(f File) ([]byte, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode a package's file: %w", err)
	}
	return body, nil
}

// Decode reads what Encode returned.
func Decode(body []byte) (File, error) {
	var f File
	if err := json.Unmarshal(body, &f); err != nil {
		return f, fmt.Errorf("read a kept package's file: %w", err)
	}
	return f, nil
}
