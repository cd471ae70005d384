package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

// archive is what download downloads.
const archive = "thirty bytes of an archive, ok"

// What the server had under the same name before. Each of the two files could be taken for the other by its size alone.
const (
	shorter = "an older one"
	longer  = "an older one that is longer than the newer one"
)

// errHash says that a download is not what was expected.
var errHash = errors.New("the hash does not match")

// sha is the hash by which tests call a release; "" is the factory release.
func sha(name string) string {
	if name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// program is what the program of a release is made of.
func program(name string) string { return "program of " + name }

// install installs a release of one letter, the later the later in the alphabet.
func install(r *Releases, name string) error {
	record := Record{Archive: sha(name), Program: "otelcol", Version: name, InstalledAt: time.Unix(int64(name[0]), 0).UTC()}
	return r.Install(record, func(w io.Writer) error {
		body := program(name)
		for _, part := range []string{body[:4], body[4:]} {
			if _, err := io.WriteString(w, part); err != nil {
				return err
			}
		}
		return nil
	})
}

// download does what a downloader does, with a loss of the connection on the way.
func download(r *Releases, validator, body string) error {
	for {
		p, err := r.Partial(sha("archive"))
		if err != nil {
			return err
		}
		if p.Validator() != validator {
			if err := p.Restart(validator); err != nil {
				return err
			}
		}
		left := body[p.Size():]
		part := min(len(left), len(body)/2+1)
		if _, err := io.WriteString(p, left[:part]); err != nil {
			return err
		}
		if part < len(left) {
			if err := p.Close(); err != nil {
				return err
			}
			continue
		}
		if got, err := contents(p); err != nil || got != body {
			return fmt.Errorf("%w: %w", errHash, err)
		}
		return p.Close()
	}
}

func contents(p *Partial) (string, error) {
	if p.Size() == 0 {
		return "", nil
	}
	source, err := p.Reader()
	if err != nil {
		return "", err
	}
	defer func() { _ = source.Close() }()
	body, err := io.ReadAll(source)
	return string(body), err
}

// openReal opens releases in a real directory.
func openReal(t *testing.T, dir string) *Releases {
	t.Helper()
	r, incidents := openDamaged(t, dir)
	assert.Empty(t, incidents)
	return r
}

func openDamaged(t *testing.T, dir string) (*Releases, []disk.Incident) {
	t.Helper()
	tree, err := disk.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, tree.Close())
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				_ = os.Chmod(path, 0o700) // who is not root could not remove the slots otherwise
			}
			return nil
		})
	})
	r, incidents, err := Open(tree, dir)
	require.NoError(t, err)
	return r, incidents
}

func writeFile(t *testing.T, path, body string) {
	t.Helper()
	_ = os.Chmod(path, 0o700) // tests that are not root's
	require.NoError(t, os.WriteFile(path, []byte(body), 0o700))
}
