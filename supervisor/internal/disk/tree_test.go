package disk_test

import (
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/testkit/crashdisk"
)

// eachTree runs a test on a real directory and on the disk of the crash tests, which prove nothing unless it behaves the same.
func eachTree(t *testing.T, test func(t *testing.T, tree disk.Tree)) {
	t.Helper()
	for name, tree := range map[string]disk.Tree{"real": openDir(t, t.TempDir()), "crash disk": crashdisk.New()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, tree)
		})
	}
}

func openDir(t *testing.T, path string) disk.Dir {
	t.Helper()
	d, err := disk.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

func write(t *testing.T, tree disk.Tree, name, body string) {
	t.Helper()
	f, err := tree.Create(name)
	require.NoError(t, err)
	require.NoError(t, disk.WriteSynced(f, []byte(body)))
}

func read(t *testing.T, tree disk.Tree, name string) string {
	t.Helper()
	body, err := tree.Read(name)
	require.NoError(t, err)
	return string(body)
}

func TestADirectoryIsRenamedWithAllThatIsInIt(t *testing.T) {
	t.Parallel()
	eachTree(t, func(t *testing.T, tree disk.Tree) {
		t.Helper()
		require.NoError(t, tree.Mkdir("a"))
		write(t, tree, "a/file", "x")
		require.NoError(t, tree.Rename("a", "b"))
		assert.Equal(t, "x", read(t, tree, "b/file"))
		_, err := tree.Lstat("a")
		assert.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestADirectoryIsNotReplacedAndReplacesNothing(t *testing.T) {
	t.Parallel()
	eachTree(t, func(t *testing.T, tree disk.Tree) {
		t.Helper()
		for _, dir := range []string{"new", "old"} {
			require.NoError(t, tree.Mkdir(dir))
		}
		write(t, tree, "file", "x")
		require.ErrorIs(t, tree.Mkdir("old"), fs.ErrExist)
		require.ErrorIs(t, tree.Rename("new", "old"), fs.ErrExist)
		require.ErrorIs(t, tree.Rename("new", "file"), syscall.ENOTDIR)
		require.ErrorIs(t, tree.Rename("file", "old"), fs.ErrExist)
		require.NoError(t, tree.Rename("file", "old/file"))
		require.ErrorIs(t, tree.Remove("old"), syscall.ENOTEMPTY)
	})
}

func TestALinkIsReplacedByRenamingAnotherOverIt(t *testing.T) {
	t.Parallel()
	eachTree(t, func(t *testing.T, tree disk.Tree) {
		t.Helper()
		require.NoError(t, tree.Symlink("nowhere", "link"))
		require.ErrorIs(t, tree.Symlink("else", "link"), fs.ErrExist)
		require.NoError(t, tree.Symlink("else", "temp"))
		require.NoError(t, tree.Rename("temp", "link"))
		target, err := tree.Readlink("link")
		require.NoError(t, err)
		assert.Equal(t, "else", target)
		require.NoError(t, tree.Mkdir("dir"))
		_, err = tree.Readlink("dir")
		require.Error(t, err)
		assert.NotErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, tree.Remove("link"))
	})
}

func TestEntriesShowEveryKind(t *testing.T) {
	t.Parallel()
	eachTree(t, func(t *testing.T, tree disk.Tree) {
		t.Helper()
		require.NoError(t, tree.Mkdir("dir"))
		require.NoError(t, tree.Symlink("nowhere", "link"))
		write(t, tree, "file", "12345")
		entries, err := tree.Entries(".")
		require.NoError(t, err)
		var got []string
		for _, e := range entries {
			got = append(got, e.Mode().Type().String()+" "+e.Name())
		}
		assert.Equal(t, []string{"d--------- dir", "---------- file", "L--------- link"}, got)
		assert.Equal(t, int64(5), entries[1].Size())
		names, err := tree.List(".")
		require.NoError(t, err)
		assert.Equal(t, []string{"file", "link"}, names)
		_, err = tree.Entries("missing")
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = tree.Entries("file")
		assert.ErrorIs(t, err, syscall.ENOTDIR)
	})
}

func TestModesAreSetAndShown(t *testing.T) {
	t.Parallel()
	eachTree(t, func(t *testing.T, tree disk.Tree) {
		t.Helper()
		require.NoError(t, tree.Mkdir("dir"))
		write(t, tree, "dir/file", "x")
		for name, made := range map[string]fs.FileMode{"dir": 0o700, "dir/file": 0o600} {
			info, err := tree.Lstat(name)
			require.NoError(t, err)
			assert.Equal(t, made, info.Mode().Perm())
		}
		require.NoError(t, tree.Chmod("dir/file", 0o500))
		require.NoError(t, tree.Chmod("dir", 0o500))
		for _, name := range []string{"dir", "dir/file"} {
			info, err := tree.Lstat(name)
			require.NoError(t, err)
			assert.Equal(t, fs.FileMode(0o500), info.Mode().Perm())
		}
		require.NoError(t, disk.RemoveTree(tree, "dir"), "who may not write may still remove")
		require.NoError(t, disk.RemoveTree(tree, "dir"), "it may be absent")
	})
}

func TestResumingCutsTheFileAndGoesOnThere(t *testing.T) {
	t.Parallel()
	eachTree(t, func(t *testing.T, tree disk.Tree) {
		t.Helper()
		write(t, tree, "file", "good, then garbage")
		f, err := tree.Resume("file", 4)
		require.NoError(t, err)
		require.NoError(t, disk.WriteSynced(f, []byte(" and more")))
		assert.Equal(t, "good and more", read(t, tree, "file"))
		_, err = tree.Resume("missing", 0)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	t.Parallel()
	eachTree(t, func(t *testing.T, tree disk.Tree) {
		t.Helper()
		write(t, tree, "file", "content")
		require.NoError(t, tree.Mkdir("dir"))
		require.NoError(t, tree.Symlink("file", "link"))
		for _, name := range []string{"dir", "link"} {
			_, err := tree.Open(name)
			require.ErrorIs(t, err, disk.ErrForeign)
			_, err = tree.Read(name)
			require.ErrorIs(t, err, disk.ErrForeign)
			_, err = tree.Resume(name, 0)
			require.ErrorIs(t, err, disk.ErrForeign)
		}
		f, err := tree.Open("file")
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		assert.Equal(t, int64(7), info.Size())
		part := make([]byte, 4)
		_, err = f.ReadAt(part, 3)
		require.NoError(t, err)
		assert.Equal(t, "tent", string(part))
		body, err := io.ReadAll(f)
		require.NoError(t, err)
		assert.Equal(t, "content", string(body))
		assert.NoError(t, f.Close())
	})
}

func TestANamedPipeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(dir+"/pipe", 0o600))
	tree := openDir(t, dir)
	_, err := tree.Open("pipe")
	require.ErrorIs(t, err, disk.ErrForeign)
	_, err = tree.Resume("pipe", 0)
	assert.ErrorIs(t, err, disk.ErrForeign)
}

func TestNoNameLeadsOutOfTheDirectory(t *testing.T) {
	t.Parallel()
	tree := openDir(t, t.TempDir())
	outside := t.TempDir()
	require.NoError(t, tree.Symlink(outside, "link"))
	for _, name := range []string{"../x", "/x", "link/x"} {
		assert.Error(t, tree.Mkdir(name), name)
		assert.Error(t, tree.Rename("link", name), name)
		_, err := tree.Create(name)
		assert.Error(t, err, name)
	}
	require.NoError(t, disk.RemoveTree(tree, "link"))
	assert.DirExists(t, outside, "a link is removed, not what it points at")
}

func TestFreeSpaceIsTold(t *testing.T) {
	t.Parallel()
	free, err := disk.Free(t.TempDir())
	require.NoError(t, err)
	assert.Positive(t, free)
	_, err = disk.Free("/does/not/exist")
	assert.ErrorIs(t, err, os.ErrNotExist)
}
