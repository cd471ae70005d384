//nolint:wrapcheck // the words are put to these errors once, by Store.failed
package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// diskFiles is the file layer on a real directory. An os.Root below it means that no name, however it came about, and no
// symbolic link leads out of the directory. Rename and Remove are those of os.Root.
type diskFiles struct {
	*os.Root
}

// Read implements files. The kind is looked at before opening: to open a named pipe would wait for a writer for ever.
func (d diskFiles) Read(name string) ([]byte, error) {
	info, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s of %d bytes", errForeign, info.Mode().Type(), info.Size())
	}
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(f, maxFile))
	return body, errors.Join(err, f.Close())
}

// List implements files.
func (d diskFiles) List(dir string) ([]string, error) {
	f, err := d.Open(dir)
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, errors.Join(err, f.Close())
}

// Create implements files. A leftover is removed, not truncated: it might have other permissions or a second name.
func (d diskFiles) Create(name string) (file, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := d.OpenFile(name, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := d.RemoveAll(name); err != nil {
			return nil, err
		}
		f, err = d.OpenFile(name, flags, 0o600)
	}
	if err != nil {
		return nil, err // not f: a nil *os.File in an interface is not nil
	}
	return f, nil
}

// Append implements files.
func (d diskFiles) Append(name string) (file, error) {
	f, err := d.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// SyncDir implements files. Some file systems cannot sync a directory and say EINVAL or ENOTSUP (fsync(2)); they have no
// stronger promise to give, so that this is no failure.
func (d diskFiles) SyncDir(dir string) error {
	f, err := d.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// ignoreMissing is err, or nil when it only says that there was no such file.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
