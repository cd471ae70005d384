package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

const (
	// Temp is the one temporary file of a directory. Its owner admits one writer at a time, so that a crash leaves at most
	// this file behind and the next write disposes of it: there is no litter to sweep.
	Temp = ".tmp"
	// MaxFile is the largest file that is read whole, in bytes. Nothing of ours comes near; without a limit a foreign file
	// would be read until the memory is gone.
	MaxFile = 64 << 20
)

// ErrForeign says that there is something under a name of ours that cannot be ours: a directory, a link, a pipe, a giant.
var ErrForeign = errors.New("not a file of ours")

// Files is a directory of plain files. Names are relative to it and separated by slashes.
type Files interface {
	Reading
	Changing
}

// Reading is the half of [Files] that changes nothing.
type Reading interface {
	// Read returns the content of a regular file of at most MaxFile bytes, an error that is fs.ErrNotExist
	// when there is none, and ErrForeign without touching it when it is something else.
	Read(name string) ([]byte, error)
	// List names what lies in a directory, directories left out, sorted.
	List(dir string) ([]string, error)
}

// Changing is the half of [Files] that a crash can interrupt.
type Changing interface {
	// Create makes an empty file of mode 0600 (O_EXCL) and replaces what is left over under that name.
	Create(name string) (File, error)
	// Append opens an existing file for writing at its end.
	Append(name string) (File, error)
	// Rename makes oldName, of any kind, newName in one step, as rename(2). It replaces a file or a link; what is a
	// directory is not replaced, not even an empty one, and not by another.
	Rename(oldName, newName string) error
	// Remove deletes one file, one link or one empty directory.
	Remove(name string) error
	// SyncDir makes the creations, renames and removals in a directory last, and its mode.
	SyncDir(dir string) error
}

// File is a file open for writing: what was written, and its mode, last only after Sync.
type File interface {
	io.WriteCloser
	Sync() error
}

// Replace makes body the content of name, all or nothing, and durable before it returns. A failure leaves the old file.
// What Read would not take is refused: the next start could not read it back.
func Replace(f Files, name string, body []byte) error {
	if len(body) > MaxFile {
		return fmt.Errorf("%d bytes are more than could be read back (%d)", len(body), MaxFile)
	}
	temp := path.Join(path.Dir(name), Temp)
	w, err := f.Create(temp)
	if err != nil {
		return err
	}
	if err := WriteSynced(w, body); err != nil {
		return errors.Join(err, IgnoreMissing(f.Remove(temp)))
	}
	if err := f.Rename(temp, name); err != nil {
		return errors.Join(err, IgnoreMissing(f.Remove(temp)))
	}
	return f.SyncDir(path.Dir(name))
}

// Append adds body to the end of name, which exists, and makes it durable. A failure may leave any part of body there.
func Append(f Files, name string, body []byte) error {
	w, err := f.Append(name)
	if err != nil {
		return err
	}
	return WriteSynced(w, body)
}

// Remove deletes name durably; it may be absent.
func Remove(f Files, name string) error {
	if err := IgnoreMissing(f.Remove(name)); err != nil {
		return err
	}
	return f.SyncDir(path.Dir(name))
}

// WriteSynced writes, syncs and closes; w is closed in any case.
func WriteSynced(w File, body []byte) error {
	if _, err := w.Write(body); err != nil {
		return errors.Join(err, w.Close())
	}
	if err := w.Sync(); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close() //nolint:wrapcheck // its owner puts the words to it
}

// IgnoreMissing is err, or nil when it only says that there was no such file.
func IgnoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
