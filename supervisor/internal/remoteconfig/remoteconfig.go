// Package remoteconfig is the form in which a remote configuration is kept in the
// store: the files of the server's AgentConfigMap, free of protobufs, and the same
// bytes for the same files whatever order they came in.
package remoteconfig

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// File is one named file of a remote configuration. The name may be empty: agents
// with a single file need none (S-119).
type File struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // MIME type, as the server gave it
	Body []byte `json:"body"`
}

// Encode returns the stored form of the files.
func Encode(files []File) ([]byte, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	body, err := json.Marshal(files)
	if err != nil {
		return nil, fmt.Errorf("encode the remote configuration: %w", err)
	}
	return body, nil
}

// Decode reads what Encode wrote.
func Decode(body []byte) ([]File, error) {
	var files []File
	if err := json.Unmarshal(body, &files); err != nil {
		return nil, fmt.Errorf("decode the stored remote configuration: %w", err)
	}
	return files, nil
}
