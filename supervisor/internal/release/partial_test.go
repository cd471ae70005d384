package release

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func begin(t *testing.T, r *Releases, validator, body string) *Partial {
	t.Helper()
	p, err := r.Partial(sha("a"))
	require.NoError(t, err)
	require.NoError(t, p.Restart(validator))
	_, err = io.WriteString(p, body)
	require.NoError(t, err)
	return p
}

func TestADownloadGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, begin(t, openReal(t, dir), `"v1"`, "first ").Close())
	p, err := openReal(t, dir).Partial(sha("a"))
	require.NoError(t, err)
	assert.Equal(t, int64(6), p.Size())
	assert.Equal(t, `"v1"`, p.Validator())
	_, err = io.WriteString(p, "second")
	require.NoError(t, err)
	source, err := p.Reader()
	require.NoError(t, err)
	assert.IsType(t, &os.File{}, source)
	body, err := io.ReadAll(source)
	require.NoError(t, err)
	assert.Equal(t, "first second", string(body))
	require.NoError(t, source.Close())
	info, err := os.Stat(filepath.Join(dir, partialDir, sha("a")))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, p.Remove())
	assert.Empty(t, look(t, openReal(t, dir), "").Partials)
}

func TestWhatWasNotSyncedIsDownloadedAgain(t *testing.T) {
	t.Parallel() // after a crash it may be anything
	dir := t.TempDir()
	first := begin(t, openReal(t, dir), "v1", "synced")
	require.NoError(t, first.Sync())
	_, err := io.WriteString(first, " and not")
	require.NoError(t, err)
	p, err := openReal(t, dir).Partial(sha("a"))
	require.NoError(t, err)
	got, err := contents(p)
	require.NoError(t, err)
	assert.Equal(t, "synced", got)
	require.NoError(t, p.Close())
}

func TestANewDownloadHasNothingToReadYet(t *testing.T) {
	t.Parallel()
	p, err := openReal(t, t.TempDir()).Partial(sha("a"))
	require.NoError(t, err)
	assert.Zero(t, p.Size())
	assert.Empty(t, p.Validator())
	_, err = p.Reader()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, p.Sync())
	require.NoError(t, p.Close())
	require.NoError(t, p.Remove())
}

func TestADamagedDownloadBeginsAnew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage    func(file string) error
		incidents int
	}{
		"it is shorter than it was": {func(file string) error { return os.Truncate(file, 2) }, 0},
		"it is gone":                {os.Remove, 0},
		"its progress is gone":      {func(file string) error { return os.Remove(file + ".json") }, 0},
		"its progress is torn":      {func(file string) error { return os.Truncate(file+".json", 9) }, 1},
		"it is a directory":         {func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) }, 0},
	} {
		dir := t.TempDir()
		r := openReal(t, dir)
		require.NoError(t, begin(t, r, "v1", "bytes").Close())
		require.NoError(t, c.damage(filepath.Join(dir, partialDir, sha("a"))))
		p, err := r.Partial(sha("a"))
		require.NoError(t, err, name)
		assert.Zero(t, p.Size(), name)
		assert.Empty(t, p.Validator(), name)
		assert.Len(t, r.Incidents(), c.incidents, name)
		require.NoError(t, download(r, "v2", archive), name)
	}
}

func TestTheDirectoryOfDownloadsTakesThePlaceOfAnythingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, partialDir), nil, 0o600))
	r := openReal(t, dir)
	require.NoError(t, begin(t, r, "v1", "bytes").Close())
	assert.Len(t, r.Incidents(), 1)
}
