package store

import (
	"errors"
	"fmt"
	"io"
	"path"
)

const (
	// tempName is the one temporary file of a directory. The Store's mutex admits one writer at a time, so that a crash
	// leaves at most this file behind and the next write disposes of it: there is no litter to sweep.
	tempName = ".tmp"
	// maxFile is the largest file that is read, in bytes. Nothing of ours comes near; without a limit a foreign file would
	// be read until the memory is gone.
	maxFile = 64 << 20
)

// errForeign says that there is something under a name of ours that cannot be ours: a directory, a link, a pipe, a giant.
var errForeign = errors.New("not a file of ours")

// files is the file layer: everything the Store does to a disk, one operation at a time so that a test can fail or crash each.
// Names are relative to the directory of the Store and separated by slashes.
type files interface {
	reading
	changing
}

// reading is the half of the file layer that changes nothing.
type reading interface {
	// Read returns the content of a regular file of at most maxFile bytes, an error that is fs.ErrNotExist
	// when there is none, and errForeign without touching it when it is something else.
	Read(name string) ([]byte, error)
	// List names what lies in a directory, directories left out, sorted.
	List(dir string) ([]string, error)
}

// changing is the half of the file layer that a crash can interrupt.
type changing interface {
	// Create makes an empty file of mode 0600 and replaces one left over under that name.
	Create(name string) (file, error)
	// Append opens an existing file for writing at its end.
	Append(name string) (file, error)
	// Rename replaces newName by oldName in one step, as rename(2).
	Rename(oldName, newName string) error
	// Remove deletes one file.
	Remove(name string) error
	// SyncDir makes the creations, renames and removals in a directory last.
	SyncDir(dir string) error
}

// file is an open file: what was written lasts only after Sync.
type file interface {
	io.WriteCloser
	Sync() error
}

// replaceFile makes body the content of name, all or nothing, and durable before it returns. A failure leaves the old file.
// What Read would not take is refused: the next start would move it aside.
func replaceFile(f files, name string, body []byte) error {
	if len(body) > maxFile {
		return fmt.Errorf("%d bytes are more than could be read back (%d)", len(body), maxFile)
	}
	temp := path.Join(path.Dir(name), tempName)
	w, err := f.Create(temp)
	if err != nil {
		return err
	}
	if err := writeSynced(w, body); err != nil {
		return errors.Join(err, ignoreMissing(f.Remove(temp)))
	}
	if err := f.Rename(temp, name); err != nil {
		return errors.Join(err, ignoreMissing(f.Remove(temp)))
	}
	return f.SyncDir(path.Dir(name))
}

// appendFile adds body to the end of name and makes it durable. A failure may leave any part of body there.
func appendFile(f files, name string, body []byte) error {
	w, err := f.Append(name)
	if err != nil {
		return err
	}
	return writeSynced(w, body)
}

// removeFile deletes name durably; it may be absent.
func removeFile(f files, name string) error {
	if err := ignoreMissing(f.Remove(name)); err != nil {
		return err
	}
	return f.SyncDir(path.Dir(name))
}

// writeSynced writes, syncs and closes; w is closed in any case.
func writeSynced(w file, body []byte) error {
	if _, err := w.Write(body); err != nil {
		return errors.Join(err, w.Close())
	}
	if err := w.Sync(); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close() //nolint:wrapcheck // the words are put to it once, by Store.failed
}
