package store

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

// openUnwritable opens a directory that cannot be written, with base to fall back to.
func openUnwritable(t *testing.T, dir string, bases ...string) (*Store, *UnwritableError) {
	t.Helper()
	s, _, err := Open(dir, Options{Fallback: append([]string{}, bases...)})
	var unwritable *UnwritableError
	require.ErrorAs(t, err, &unwritable)
	require.NotNil(t, s)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	assert.False(t, s.Durable())
	return s, unwritable
}

// notADirectory is a storage directory that nobody can write, not even root.
func notADirectory(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	return filepath.Join(file, "storage")
}

func TestWithoutAWritableDirectoryTheDaemonCanRunOn(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	s, err := openUnwritable(t, notADirectory(t), base)
	assert.ErrorContains(t, err, "running on with "+base)
	works(t, s)
	assert.True(t, strings.HasPrefix(run(t, s, "c1", "x"), base))
}

func TestWithoutAnyDirectoryTheDaemonCanRunOnInMemory(t *testing.T) {
	t.Parallel()
	s, err := openUnwritable(t, notADirectory(t), notADirectory(t))
	assert.ErrorContains(t, err, "running on with memory")
	assert.Empty(t, err.Used)
	works(t, s)
}

func TestTheFallbackSurvivesACrashOfTheDaemon(t *testing.T) {
	t.Parallel()
	dir, base := notADirectory(t), t.TempDir()
	first, _ := openUnwritable(t, dir, base)
	require.NoError(t, first.SaveRun("the Collector that still runs"))
	require.NoError(t, first.Close())
	second, _ := openUnwritable(t, dir, base)
	var v string
	found, err := second.LoadRun(&v)
	require.NoError(t, err)
	assert.True(t, found)
}

func TestTheFallbackHasOneOwnerToo(t *testing.T) {
	t.Parallel()
	dir, base := notADirectory(t), t.TempDir()
	_, _ = openUnwritable(t, dir, base)
	s, _, err := Open(dir, Options{Fallback: []string{base}})
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, dir, locked.Dir)
	assert.Nil(t, s)
}

func TestAFallbackThatOthersCanWriteIsNotTrusted(t *testing.T) {
	t.Parallel()
	dir, base := notADirectory(t), t.TempDir()
	s, err := openUnwritable(t, dir, base)
	require.NoError(t, s.Close())
	require.NoError(t, os.Chmod(err.Used, 0o777))
	_, err = openUnwritable(t, dir, base)
	assert.Empty(t, err.Used)
}

func TestTheNewerOfStorageAndFallbackIsCopied(t *testing.T) {
	t.Parallel()
	from, to := openStore(t, t.TempDir()), openStore(t, t.TempDir())
	require.NoError(t, from.SaveState("storage"))
	require.NoError(t, to.SaveState("fallback"))
	roots := []*os.Root{from.keeper.Files.(disk.Dir).Root, to.keeper.Files.(disk.Dir).Root}

	require.NoError(t, os.Chtimes(from.Path(stateName), time.Time{}, time.Now().Add(-time.Hour)))
	require.NoError(t, copyNewer(to.keeper.Files, roots[0], roots[1]))
	assert.Equal(t, "truefallback", lookState(t, to))
	require.NoError(t, os.Chtimes(from.Path(stateName), time.Time{}, time.Now().Add(time.Hour)))
	require.NoError(t, copyNewer(to.keeper.Files, roots[0], roots[1]))
	assert.Equal(t, "truestorage", lookState(t, to))
}

func TestAReadOnlyDirectoryIsReadAndNotWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := openStore(t, dir)
	v := put(t, first, "1", "body", true, "")
	require.NoError(t, first.SaveState("identity"))
	require.NoError(t, first.Close())
	readOnly(t, dir)

	s, err := openUnwritable(t, dir, t.TempDir())
	assert.Regexp(t, "mount it writable|must belong to the user", err)
	assert.Equal(t, "trueidentity", lookState(t, s))
	assert.Equal(t, []Verdict{v}, s.Good(1))
	require.NoError(t, s.SaveState("changed"))
	assert.FileExists(t, filepath.Join(dir, lockName))
}

func TestAFullDiskIsSurvivedAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tiny(t, dir)
	s, _, err := Open(dir, Options{})
	require.NoError(t, err)
	v := put(t, s, "1", "body", true, "")
	require.NoError(t, s.SaveState("old"))
	fill(t, dir)

	err = s.SaveState(strings.Repeat("x", 10<<10))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.ErrorContains(t, err, "free some space")
	assert.Equal(t, "trueold", lookState(t, s))
	require.NoError(t, s.Close())

	full, uerr := openUnwritable(t, dir, t.TempDir())
	assert.ErrorContains(t, uerr, "free some space")
	assert.Equal(t, "trueold", lookState(t, full))
	assert.Equal(t, []Verdict{v}, full.Good(1))
	run(t, full, "c1", "telemetry flows")
	require.NoError(t, full.Close())

	require.NoError(t, os.Remove(filepath.Join(dir, "filler")))
	assert.Equal(t, "trueold", lookState(t, openStore(t, dir)))
}

func TestWhatTheFallbackKeptIsBroughtBackToTheRepairedDirectory(t *testing.T) {
	t.Parallel()
	dir, opts := filepath.Join(t.TempDir(), "storage"), Options{Fallback: []string{t.TempDir()}}
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // in the way
	fallback, _, err := Open(dir, opts)
	var unwritable *UnwritableError
	require.ErrorAs(t, err, &unwritable)
	v := put(t, fallback, "1", "body", true, "")
	require.NoError(t, fallback.SaveState("identity"))
	require.NoError(t, fallback.SaveRun("the Collector that still runs"))
	require.NoError(t, os.Remove(dir))
	_, _, err = Open(dir, opts)
	var locked *LockedError
	require.ErrorAs(t, err, &locked, "its owner is there yet")
	require.NoError(t, fallback.Close())

	for range 2 { // once more, to see that nothing old comes back
		s, _, err := Open(dir, opts)
		require.NoError(t, err)
		assert.True(t, s.Durable())
		assert.Equal(t, "trueidentity", lookState(t, s))
		assert.Equal(t, []Verdict{v}, s.Good(1))
		var run string
		found, err := s.LoadRun(&run)
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, []string{unwritable.Used}, s.FormerPlaces())
		assert.NoFileExists(t, filepath.Join(unwritable.Used, stateName))
		require.NoError(t, s.Close())
	}
}
