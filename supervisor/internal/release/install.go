package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"

	"opampd/supervisor/internal/disk"
)

// Install makes the slot record.Archive: fill writes the program, which is hashed on its way. Binary and Size of the record
// are filled in, or compared if they are given; InstalledAt is now unless it is given. A slot that is there and sound is left
// alone and fill is not called; one that is damaged is moved aside.
//
// When it returns nil the slot is durable, and nothing points at it yet. After an error, which may be that of fill, there is
// no new slot, or one that is whole; call it again.
func (r *Releases) Install(record Record, fill func(program io.Writer) error) error {
	if err := guard(record.Archive); err != nil {
		return err
	}
	if err := guardProgram(record.Program); err != nil {
		return r.failed("install the release", record.Archive, err)
	}
	r.building.Lock()
	defer r.building.Unlock()
	err := r.Sound(record.Archive)
	switch {
	case err == nil: // by an earlier call, which may have failed to make the name last
		return r.failed("install the release", record.Archive, r.tree.SyncDir("."))
	case disk.Damaged(err):
		if err := r.moveSlotAside(record.Archive, err); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if record.InstalledAt.IsZero() {
		record.InstalledAt = r.keeper.Now()
	}
	if err := r.build(record, fill); err != nil {
		return errors.Join(r.failed("install the release", record.Archive, err), disk.RemoveTree(r.tree, buildDir))
	}
	return nil
}

func (r *Releases) moveSlotAside(sha string, why error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keeper.MoveAside(sha, why.Error())
}

// build makes a slot under a temporary name, syncs all of it and renames it. Modes are set before the sync that makes them
// last: a program that lost its mode in a crash could not be executed.
//
//nolint:wrapcheck // the words are put to these errors by failed
func (r *Releases) build(record Record, fill func(io.Writer) error) error {
	if err := disk.RemoveTree(r.tree, buildDir); err != nil {
		return err
	}
	if err := r.tree.Mkdir(buildDir); err != nil {
		return err
	}
	program := digest{Hash: sha256.New()}
	err := r.writeFile(record.Program, 0o500, func(w io.Writer) error { return fill(program.beside(w)) })
	if err != nil {
		return err
	}
	if err := program.complete(&record); err != nil {
		return err
	}
	body, err := disk.EncodeDocument(record)
	if err != nil {
		return err
	}
	err = r.writeFile(recordName, 0o400, func(w io.Writer) error { _, err := w.Write(body); return err })
	if err != nil {
		return err
	}
	if err := r.tree.Chmod(buildDir, 0o500); err != nil {
		return err
	}
	if err := r.tree.SyncDir(buildDir); err != nil {
		return err
	}
	if err := r.tree.Rename(buildDir, record.Archive); err != nil {
		return err
	}
	return r.tree.SyncDir(".")
}

// writeFile makes a file in the slot that is being built.
func (r *Releases) writeFile(name string, mode fs.FileMode, fill func(io.Writer) error) error {
	name = path.Join(buildDir, name)
	f, err := r.tree.Create(name)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := r.tree.Chmod(name, mode); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

// digest is the hash and the size of what was written.
type digest struct {
	hash.Hash
	size int64
}

// beside returns a writer that writes to w and counts what got there.
func (d *digest) beside(w io.Writer) io.Writer {
	return writer(func(p []byte) (int, error) {
		n, err := w.Write(p)
		d.size += int64(n)
		_, _ = d.Write(p[:n]) // a hash never fails
		return n, err         //nolint:wrapcheck // the words are put to it by failed
	})
}

// writer is a function as an io.Writer.
type writer func(p []byte) (int, error)

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) { return w(p) }

// complete fills in what was written, or says that it is not what was expected.
func (d *digest) complete(record *Record) error {
	sum := hex.EncodeToString(d.Sum(nil))
	switch {
	case d.size == 0:
		return fmt.Errorf("the program %q is empty", record.Program)
	case record.Binary != "" && record.Binary != sum:
		return fmt.Errorf("the program %q is not what was expected: its SHA-256 is %s, not %s", record.Program, sum, record.Binary)
	case record.Size != 0 && record.Size != d.size:
		return fmt.Errorf("the program %q is not what was expected: it has %d bytes, not %d", record.Program, d.size, record.Size)
	}
	record.Binary, record.Size = sum, d.size
	return nil
}
