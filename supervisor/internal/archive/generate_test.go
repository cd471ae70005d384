package archive

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const vectorDir = "../../../testdata/archives"

var update = flag.Bool("update", false, "write testdata/archives anew")

func TestVectorsAreWhatTheirGeneratorMakes(t *testing.T) {
	t.Parallel()
	if *update {
		require.NoError(t, os.MkdirAll(vectorDir, 0o755))
	}
	var names []string
	for _, v := range vectors() {
		names = append(names, v.file)
		t.Run(v.file, func(t *testing.T) {
			t.Parallel()
			made, path := v.make(), filepath.Join(vectorDir, v.file)
			if *update {
				require.NoError(t, os.WriteFile(path, made, 0o644))
			}
			committed := vectorFile(t, v.file)
			require.Less(t, len(committed), 300<<10)
			if !bytes.Equal(made, committed) { // another version of Go, say, compresses otherwise
				assert.Equal(t, unpackedText(made), unpackedText(committed))
			}
		})
	}
	entries, err := os.ReadDir(vectorDir)
	require.NoError(t, err)
	for _, e := range entries {
		assert.Contains(t, names, e.Name(), "nobody makes this one")
	}
}

// unpackedText is what stays the same when a compressor changes.
func unpackedText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\x1f\x8b")):
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return err.Error()
		}
		return digest(r)
	case bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")):
		r, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err.Error()
		}
		defer r.Close()
		return digest(r)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return digest(bytes.NewReader(b))
	}
	var text strings.Builder
	for _, f := range z.File {
		fmt.Fprintln(&text, f.Name, f.Mode(), f.Method, f.UncompressedSize64, f.CRC32)
		if r, err := f.Open(); err == nil {
			text.WriteString(digest(r))
		}
	}
	return text.String()
}

func digest(r io.Reader) string {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return fmt.Sprintf("%d bytes, %x, %v\n", n, h.Sum(nil), err)
}
