package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const lockName = "lock"

// directory is a storage directory that was opened, locked and found writable.
type directory struct {
	path string
	root *os.Root // nil when it could not be opened at all
	lock *os.File // nil when there is no lock to be had: a read-only directory, a file system without flock
}

// openDirectory creates, opens, locks and tries dir. With an error other than *LockedError the directory is as far open as
// could be, for reading what is there.
func openDirectory(dir string) (directory, error) {
	d := directory{path: dir}
	if err := makeDirectory(dir); err != nil {
		return d, err
	}
	var err error
	if d.root, err = os.OpenRoot(dir); err != nil {
		return d, fmt.Errorf("cannot open it: %w", err)
	}
	if err := d.acquire(); err != nil {
		return directory{}, errors.Join(err, d.close())
	}
	return d, d.tryWriting()
}

// makeDirectory creates dir and its parents; what exists keeps its mode, since it may be a mount that others set up.
func makeDirectory(dir string) error {
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
	return errors.Join(diskFiles{parent}.SyncDir("."), parent.Close())
}

// acquire takes the lock, flock(2), which the kernel gives back however this process ends. The descriptor is closed on exec,
// so that a Collector that outlives us does not keep it. A file system without flock is taken as it is, unlocked.
func (d *directory) acquire() error {
	f, err := d.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		if f, err = d.root.Open(lockName); err != nil {
			return nil //nolint:nilerr // tryWriting will say what is wrong with the directory
		}
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid := readPID(f)
		_ = f.Close()
		return &LockedError{Dir: d.path, PID: pid}
	}
	// The pid is for people, and not worth a failure: on a full disk the lock holds without it.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	d.lock = f
	return nil
}

func readPID(f *os.File) int {
	buf := make([]byte, 32)
	n, _ := f.ReadAt(buf, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	return pid
}

// tryWriting makes the directories below and writes and syncs one block: only the sync shows that a disk is full when the
// file system allocates late.
func (d *directory) tryWriting() error {
	for _, sub := range []string{blobDir, remoteDir, candidateDir} {
		if err := d.root.Mkdir(sub, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("cannot create a directory: %w", err)
		}
	}
	f := diskFiles{d.root}
	w, err := f.Create(tempName)
	if err != nil {
		return fmt.Errorf("cannot create a file: %w", err)
	}
	err = errors.Join(writeSynced(w, make([]byte, 4096)), f.Remove(tempName), f.SyncDir("."))
	if err != nil {
		return fmt.Errorf("cannot write a file: %w", err)
	}
	return nil
}

// close gives back the lock and the directory.
func (d directory) close() error {
	var errs []error
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	if d.root != nil {
		errs = append(errs, d.root.Close())
	}
	return errors.Join(errs...)
}
