package main

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/config"
)

// storage is the directory of a daemon, and a file of somebody else beside it.
func storage(t *testing.T) (c config.Config, victim string) {
	t.Helper()
	dir := t.TempDir()
	victim = filepath.Join(dir, "shadow")
	require.NoError(t, os.WriteFile(victim, []byte("root's"), 0o600))
	c.Storage.Directory = filepath.Join(dir, "storage")
	require.NoError(t, os.MkdirAll(packagesDir(c), 0o700))
	return c, victim
}

func TestALinkInTheDirectoryOfTheDaemonLeadsNoRequestElsewhere(t *testing.T) {
	t.Parallel()
	c, victim := storage(t)
	require.NoError(t, os.Symlink(victim, requestPath(c)+".new"))
	require.NoError(t, os.Symlink(victim, requestPath(c)))

	_, err := ask(io.Discard, c, request{Action: actionRollback})

	require.NoError(t, err)
	body, err := os.ReadFile(victim)
	require.NoError(t, err)
	assert.Equal(t, "root's", string(body))
	info, err := os.Lstat(requestPath(c))
	require.NoError(t, err)
	assert.True(t, info.Mode().IsRegular())
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAnInboxThatLeadsOutOfTheStorageDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	c, victim := storage(t)
	require.NoError(t, os.Symlink(filepath.Dir(victim), filepath.Join(packagesDir(c), "inbox")))

	_, _, err := handOver(c, victim)

	require.ErrorContains(t, err, "escapes")
	entries, err := os.ReadDir(filepath.Dir(victim))
	require.NoError(t, err)
	assert.Len(t, entries, 2)
}

func TestAPackageLiesInTheInboxUnderItsHash(t *testing.T) {
	t.Parallel()
	c, file := storage(t)

	sha, path, err := handOver(c, file)

	require.NoError(t, err)
	assert.Equal(t, filepath.Join(packagesDir(c), "inbox", sha), path)
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "root's", string(body))
}

func TestALockFileCannotNameEveryProcess(t *testing.T) {
	t.Parallel()
	for _, pid := range []int{-1, 0} {
		path := filepath.Join(t.TempDir(), "lock")
		require.NoError(t, os.WriteFile(path, []byte(strconv.Itoa(pid)), 0o600))
		f, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))

		_, err = holder(path)

		require.ErrorContains(t, err, "does not say which process has it")
	}
}

func TestALockThatIsALinkNamesNoProcess(t *testing.T) {
	t.Parallel()
	c, victim := storage(t)
	path := filepath.Join(c.Storage.Directory, "lock")
	require.NoError(t, os.Symlink(victim, path))

	_, err := holder(path)

	require.ErrorIs(t, err, syscall.ELOOP)
}

func TestAPackageThatIsInstalledIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c, file := storage(t)
	sha, path, err := handOver(c, file)
	require.NoError(t, err)
	said := `{"state":{"content":"` + sha + `","code":"installed","trial":"none"}}`
	require.NoError(t, os.WriteFile(filepath.Join(c.Storage.Directory, "upgrade.json"), []byte(said), 0o600))
	var out strings.Builder

	require.NoError(t, applyByHand(t.Context(), &out, c, file, ""))

	assert.Contains(t, out.String(), "installed")
	assert.NoFileExists(t, path)
	assert.NoFileExists(t, requestPath(c))
}
