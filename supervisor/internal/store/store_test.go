package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

func TestTheDirectoryIsMadeForUsAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := openStore(t, dir)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	assert.True(t, s.Durable())
}

func TestASecondOwnerIsRefusedAndToldWhoIsTheFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := openStore(t, dir)
	_, _, err := Open(dir, Options{Fallback: []string{t.TempDir()}})
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, os.Getpid(), locked.PID)
	assert.Equal(t, dir, locked.Dir)
	assert.Regexp(t, `in use by process \d+: stop`, err)

	require.NoError(t, first.Close())
	openStore(t, dir)
}

func TestTheLogHasItsDirectory(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	assert.Equal(t, s.Path("logs", "collector.log"), s.LogPath())
	info, err := os.Stat(s.Path("logs"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestWhatACrashLeftBehindDoesNotDisturb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, disk.Temp, "x"), 0o700))
	s := openStore(t, dir)
	require.NoError(t, os.WriteFile(s.Path(disk.Temp), []byte("left over"), 0o644))
	require.NoError(t, s.SaveState("x"))
	info, err := os.Stat(s.Path(stateName))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.NoFileExists(t, s.Path(disk.Temp))
}

func TestALinkOutOfTheDirectoryIsNotFollowed(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("{}"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, stateName)))
	s, incidents, err := Open(dir, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	assert.Len(t, incidents, 1)
	require.NoError(t, s.SaveState("x"))
	body, err := os.ReadFile(outside)
	require.NoError(t, err)
	assert.Equal(t, "{}", string(body))
}

func TestAStoreInMemoryWorksButForFilesOfTheCollector(t *testing.T) {
	t.Parallel()
	s := newStore(disk.Memory{}, "", Options{})
	works(t, s)
	_, err := s.WriteCandidate("c1", nil)
	require.ErrorContains(t, err, "mount a tmpfs")
	require.ErrorIs(t, s.WriteRemoteFiles(nil), errNoDirectory)
	assert.Empty(t, s.Path("packages"), "not a path relative to wherever we are")
	assert.Empty(t, s.LogPath())
}

// works goes through what a Store must do wherever it is.
func works(t *testing.T, s *Store) {
	t.Helper()
	require.NoError(t, s.SaveState("state"))
	assert.Equal(t, "truestate", lookState(t, s))
	v := put(t, s, "1", "body", true, "")
	assert.Equal(t, []Verdict{v}, s.Good(1))
	require.NoError(t, s.SaveRun("run"))
	require.NoError(t, s.RemoveRun())
	require.NoError(t, s.SweepBlobs(nil))
	_, ok, err := s.Import()
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Empty(t, s.Incidents())
}
