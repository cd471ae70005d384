package trust

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/blake2b"
)

var update = flag.Bool("update", false, "write testdata/signatures anew")

func vectorDir() string { return filepath.Join("..", "..", "..", "testdata", "signatures") }

func blake(data []byte) []byte {
	sum := blake2b.Sum512(data)
	return sum[:]
}

func TestTheCommittedVectorsAreWhatTheGeneratorMakes(t *testing.T) {
	files := committed()
	if *update { // before the tests that run in parallel
		for _, name := range vectorFiles(t) {
			require.NoError(t, os.Remove(filepath.Join(vectorDir(), name)))
		}
		for name, data := range files {
			require.NoError(t, os.WriteFile(filepath.Join(vectorDir(), name), data, 0o644))
		}
	}
	t.Parallel()
	assert.Len(t, vectorFiles(t), len(files), "run with -update")
	for name, want := range files {
		data, err := os.ReadFile(filepath.Join(vectorDir(), name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(data), "%s: run with -update", name)
	}
}

// vectorFiles are the vectors that are there; those in directories have generators of their own.
func vectorFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(vectorDir())
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// newHost is the host of a vector.
func newHost(v vector) *host {
	h := &host{archive: releaseFile, settings: Settings{
		Owner:    AnyOwner,
		Roots:    []Root{{Kind: KindKey, File: "signer.pub"}, {Kind: KindKey, File: "second.pub"}, {Kind: KindMinisign, File: "minisign.pub"}},
		Sigstore: checkBundle,
	}}
	h.request.Host = Host{OS: "linux", Arch: "amd64", Package: "otelcol-lean", Installed: installed, Now: at(time.June)}
	h.request.Offer = Offer{Signature: v.signature, Version: "0.150.0"}
	if v.host != nil {
		v.host(h)
	}
	return h
}

// checkBundle stands for the program that checks Sigstore bundles.
func checkBundle(_ context.Context, r SigstoreRequest) (SigstoreSigner, error) {
	var b struct{ Digest string }
	if err := json.Unmarshal(r.Bundle, &b); err != nil {
		return SigstoreSigner{}, errors.New("the program crashed")
	}
	if b.Digest != hex.EncodeToString(r.Digest[:]) {
		return SigstoreSigner{}, &Refusal{Check: checkKey, Reason: "bundle for another artefact"}
	}
	return SigstoreSigner{Issuer: r.Identities[0].Issuer, Subject: r.Identities[0].Subject}, nil
}

func (h *host) load(t *testing.T) *Trust {
	t.Helper()
	s := h.settings
	s.Roots = slices.Clone(s.Roots)
	for i := range s.Roots {
		s.Roots[i].File = filepath.Join(vectorDir(), s.Roots[i].File)
	}
	if s.RevocationsFile != "" {
		s.RevocationsFile = filepath.Join(vectorDir(), s.RevocationsFile)
	}
	trusted, err := Load(s)
	require.NoError(t, err)
	return trusted
}

func (h *host) verify(t *testing.T) (Verified, State, error) {
	t.Helper()
	data := archives()[h.archive]
	r := h.request
	r.Archive = Archive{Digest: sha256.Sum256(data), Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
	offered := r.Archive.Digest
	if h.offered != "" {
		offered = sha256.Sum256(archives()[h.offered])
	}
	r.Offer.ContentHash = offered[:]
	return h.load(t).Verify(t.Context(), r, h.state)
}

func TestEachVectorIsRefusedForItsOwnReason(t *testing.T) {
	t.Parallel()
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			verified, _, err := newHost(v).verify(t)
			if v.want == "" {
				require.NoError(t, err)
				assert.Len(t, verified.Checks, 9)
				return
			}
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, v.want, refusal.Check, refusal.Reason)
		})
	}
}
