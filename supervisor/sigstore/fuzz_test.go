package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/stretchr/testify/require"
)

// FuzzBundle: whatever a bundle holds, the check does not panic, and what it takes for signed by a key is.
func FuzzBundle(f *testing.F) {
	for _, name := range []string{"good.sigstore.json", "another-artefact.sigstore.json"} {
		text, err := os.ReadFile(filepath.Join(vectors, name))
		require.NoError(f, err)
		f.Add(text)
	}
	key, err := trustKey(filepath.Join(vectors, "key.pem"))
	require.NoError(f, err)
	who, err := parseIdentity(`{"issuer_regex":".*","subject_regex":".*"}`)
	require.NoError(f, err)
	policy, err := trustIdentities(emptyRoot(f), []identity{who}, "")
	require.NoError(f, err)
	var r request
	require.NoError(f, r.setDigest(sha256Of(sample)))

	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := readBundle(file(t, "bundle.json", text))
		if err != nil {
			return
		}
		_, err = policy.check(b, r.artefact)
		require.Error(t, err, "nobody is trusted")
		if _, err = key.check(b, r.artefact); err == nil {
			require.True(t, json.Valid(text))
			require.True(t, bytes.Contains(text, []byte("messageSignature")) || bytes.Contains(text, []byte("message_signature")))
		}
	})
}

// emptyRoot is a trusted root that trusts nobody.
func emptyRoot(f *testing.F) string {
	f.Helper()
	path := filepath.Join(f.TempDir(), "root.json")
	require.NoError(f, os.WriteFile(path, []byte(`{"mediaType":"`+root.TrustedRootMediaType01+`"}`), 0o600))
	return path
}
