package disk

import (
	"errors"
	"io"
	"io/fs"
	"path"
)

// Tree is a directory with directories, links and modes in it. Names are relative to it and separated by slashes; none leads
// through a link, except by mistake of its owner, and none out of it.
type Tree interface {
	Files
	Looking
	Shaping
}

// Looking is the part of [Tree] that changes nothing.
type Looking interface {
	// Lstat tells what name is, as lstat(2): a link is not followed.
	Lstat(name string) (fs.FileInfo, error)
	// Entries tells what lies in a directory, of every kind, sorted by name.
	Entries(dir string) ([]fs.FileInfo, error)
	// Readlink returns what a link says, whether or not that is there.
	Readlink(name string) (string, error)
	// Open opens a regular file for reading, an *os.File in a Dir; something else is ErrForeign and is not touched.
	Open(name string) (Source, error)
}

// Shaping is the part of [Tree] that a crash can interrupt.
type Shaping interface {
	// Mkdir makes a directory of mode 0700.
	Mkdir(name string) error
	// Symlink makes name a link that says target, which need not be there. It does not replace anything: write a link
	// under another name and rename it.
	Symlink(target, name string) error
	// Chmod sets the permissions of a file or directory. They last after a Sync of the open file, or SyncDir of the directory itself.
	Chmod(name string, mode fs.FileMode) error
	// Resume cuts an existing file to size bytes and opens it for writing there.
	Resume(name string, size int64) (File, error)
}

// Source is a file open for reading.
type Source interface {
	fs.File
	io.ReaderAt
}

// RemoveTree deletes name and all that is in it, operation by operation; it may be absent. A directory that cannot be
// written, as one of a release, is made writable first. It is not durable before SyncDir of the directory name is in, and a crash or an
// error leaves any part of it there.
func RemoveTree(t Tree, name string) error {
	info, err := t.Lstat(name)
	if err != nil {
		return IgnoreMissing(err)
	}
	if info.IsDir() {
		if err := emptyDir(t, name, info); err != nil {
			return err
		}
	}
	return IgnoreMissing(t.Remove(name))
}

func emptyDir(t Tree, name string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o700 != 0o700 {
		if err := t.Chmod(name, 0o700); err != nil {
			return err
		}
	}
	entries, err := t.Entries(name)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		errs = append(errs, RemoveTree(t, path.Join(name, entry.Name())))
	}
	return errors.Join(errs...)
}
