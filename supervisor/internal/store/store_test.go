package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDirectoryIsMadeForUsAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := openStore(t, dir)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	assert.True(t, s.Durable())
	free, err := s.Free()
	require.NoError(t, err)
	assert.Positive(t, free)
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
	require.NoError(t, os.MkdirAll(filepath.Join(dir, tempName, "x"), 0o700))
	s := openStore(t, dir)
	require.NoError(t, os.WriteFile(s.Path(tempName), []byte("left over"), 0o644))
	require.NoError(t, s.SaveState("x"))
	info, err := os.Stat(s.Path(stateName))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.NoFileExists(t, s.Path(tempName))
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

func TestAnEphemeralStoreWorksAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := Ephemeral()
	assert.False(t, s.Durable())
	works(t, s)
	path, err := s.WriteEffective([]byte("x"))
	require.NoError(t, err)
	assert.FileExists(t, path)
	require.NoError(t, s.Close())
	assert.NoDirExists(t, filepath.Dir(path))
}

func TestAStoreInMemoryWorksButForFilesOfTheCollector(t *testing.T) {
	t.Parallel()
	s := newStore(memoryFiles{}, "", Options{})
	works(t, s)
	_, err := s.WriteEffective(nil)
	require.ErrorContains(t, err, "mount a tmpfs")
	_, err = s.WriteCandidate("c1", nil)
	require.ErrorIs(t, err, errNoDirectory)
	require.ErrorIs(t, s.WriteRemoteFiles(nil), errNoDirectory)
	_, err = s.Free()
	require.ErrorIs(t, err, errNoDirectory)
	assert.Empty(t, s.Path("packages"), "not a path relative to wherever we are")
	assert.Empty(t, s.LogPath())
}

// works goes through what a Store must do wherever it is.
func works(t *testing.T, s *Store) {
	t.Helper()
	require.NoError(t, s.SaveState("state"))
	assert.Equal(t, "truestate", lookState(t, s))
	v := put(t, s, "1", "body", true, "")
	got, ok := s.LastGood()
	assert.True(t, ok)
	assert.Equal(t, v, got)
	require.NoError(t, s.SaveRun("run"))
	require.NoError(t, s.RemoveRun())
	require.NoError(t, s.SweepBlobs(nil))
	_, ok, err := s.Import()
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Empty(t, s.Incidents())
}
