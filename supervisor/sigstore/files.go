package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sigstore/sigstore-go/pkg/bundle"
)

// maxBundle bounds what a stranger can have parsed, bytes. Bundles have 2 to 15 KiB; each kind of work on one grows with
// its size at most.
const maxBundle = 64 << 10

// mediaTypes are the two spellings of bundle v0.3 in sigstore_bundle.proto. Older ones can do without an inclusion proof.
func mediaTypes() []string {
	return []string{"application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"}
}

// readBundle reads and parses a bundle; nothing in it is to be believed yet.
func readBundle(file string) (*bundle.Bundle, error) {
	data, err := readFile(file, maxBundle)
	if err != nil {
		return nil, err
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("%s is no Sigstore bundle: %w", file, err)
	}
	if !slices.Contains(mediaTypes(), b.GetMediaType()) {
		return nil, fmt.Errorf("%s is a bundle of kind %q; only v0.3 is read", file, b.GetMediaType())
	}
	return &b, nil
}

// readFile reads a regular file of at most limit bytes. A pipe or device could keep us waiting for ever.
func readFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is no regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: it has more than the %d bytes that are allowed", name, limit)
	}
	return data, nil
}
