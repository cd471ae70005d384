//nolint:wrapcheck // who knows what it was for puts the words to these errors
package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Dir is a [Tree] in a real directory. An os.Root below it means that no name, however it came about, and no symbolic link
// leads out of the directory. Rename, Remove, Lstat, Readlink, Symlink, Chmod and Close are those of os.Root.
type Dir struct {
	*os.Root
}

// Open opens the directory dir. It is created with mode 0700, its parents with 0755, and made to last; what exists keeps its
// mode, since it may be a mount that others set up.
func Open(dir string) (Dir, error) {
	if err := makeDir(dir); err != nil {
		return Dir{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Dir{}, fmt.Errorf("cannot open it: %w", err)
	}
	return Dir{root}, nil
}

func makeDir(dir string) error {
	//nolint:gosec // parents are not ours alone: /var/lib must stay open to others
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("cannot create its parent: %w", err)
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot create it: %w", err)
	}
	return syncParent(dir)
}

// syncParent makes a new directory last: without it, all that was synced inside could vanish with its name.
func syncParent(dir string) error {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return fmt.Errorf("cannot open its parent: %w", err)
	}
	return errors.Join(Dir{parent}.SyncDir("."), parent.Close())
}

// Read implements Files.
func (d Dir) Read(name string) ([]byte, error) {
	info, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxFile {
		return nil, foreign(info)
	}
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(f, MaxFile))
	return body, errors.Join(err, f.Close())
}

// Open implements Tree. The kind is looked at before opening: to open a named pipe would wait for a writer for ever.
func (d Dir) Open(name string) (Source, error) {
	info, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, foreign(info)
	}
	f, err := d.Root.Open(name)
	if err != nil {
		return nil, err // not f: a nil *os.File in an interface is not nil
	}
	return f, nil
}

func foreign(info fs.FileInfo) error {
	return fmt.Errorf("%w: %s of %d bytes", ErrForeign, info.Mode().Type(), info.Size())
}

// List implements Files.
func (d Dir) List(dir string) ([]string, error) {
	entries, err := d.readDir(dir)
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}

// Entries implements Tree. What vanishes meanwhile is left out.
func (d Dir) Entries(dir string) ([]fs.FileInfo, error) {
	entries, err := d.readDir(dir)
	var infos []fs.FileInfo
	for _, e := range entries {
		info, infoErr := e.Info()
		if infoErr == nil {
			infos = append(infos, info)
		}
		err = errors.Join(err, IgnoreMissing(infoErr))
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return cmp.Compare(a.Name(), b.Name()) })
	return infos, err
}

func (d Dir) readDir(dir string) ([]fs.DirEntry, error) {
	f, err := d.Root.Open(dir)
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	return entries, errors.Join(err, f.Close())
}

// Create implements Files. A leftover is removed, not truncated: it might have other permissions or a second name.
func (d Dir) Create(name string) (File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := d.OpenFile(name, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := d.RemoveAll(name); err != nil {
			return nil, err
		}
		f, err = d.OpenFile(name, flags, 0o600)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Append implements Files.
func (d Dir) Append(name string) (File, error) {
	f, err := d.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Resume implements Tree.
func (d Dir) Resume(name string, size int64) (File, error) {
	if info, err := d.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, foreign(info)
	}
	f, err := d.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(size); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Mkdir implements Tree.
func (d Dir) Mkdir(name string) error { return d.Root.Mkdir(name, 0o700) }

// SyncDir implements Files. Some file systems cannot sync a directory and say EINVAL or ENOTSUP (fsync(2)); they have no
// stronger promise to give, so that this is no failure.
func (d Dir) SyncDir(dir string) error {
	f, err := d.Root.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
