package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/signatures/sigstore of the repository anew")

// vectors is where other tests find files to have checked by the program.
const (
	vectors = "../../testdata/signatures/sigstore"
	sample  = "an artefact for tests\n"
)

// TestVectorsAreWhatTheGeneratorMakes: the same files from the same sources, so that a change of one is a change of
// this page. Run it with -update to write them. The private key is no secret: it is the hash of a line below.
func TestVectorsAreWhatTheGeneratorMakes(t *testing.T) {
	t.Parallel()
	seed := sha256.Sum256([]byte("the key of opampd's test vectors, which signs nothing else"))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	require.NoError(t, err)
	for name, want := range map[string][]byte{
		"artefact":                       []byte(sample),
		"key.pem":                        publicPEM(t, key),
		"good.sigstore.json":             keyBundle(t, key, sample),
		"another-artefact.sigstore.json": keyBundle(t, key, "another artefact\n"),
	} {
		path := filepath.Join(vectors, name)
		if *update {
			require.NoError(t, os.MkdirAll(vectors, 0o755))
			require.NoError(t, os.WriteFile(path, want, 0o644))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "%s: run go test -run Vectors -update .", path)
	}
}

func TestVectorsSayWhatTheirNamesSay(t *testing.T) {
	t.Parallel()
	check := func(bundle string) outcome {
		return ask(t, "verify", "--bundle", filepath.Join(vectors, bundle), "--sha256", sha256Of(sample),
			"--key", filepath.Join(vectors, "key.pem"))
	}
	assert.Equal(t, exitVerified, check("good.sigstore.json").code)
	check("another-artefact.sigstore.json").refused(t, "another artefact")
}
