package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"opampd/supervisor/internal/disk"
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
	opened, err := disk.Open(dir)
	if err != nil {
		return d, err
	}
	d.root = opened.Root
	if err := d.acquire(); err != nil {
		return directory{}, errors.Join(err, d.close())
	}
	return d, d.tryWriting()
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
	f := disk.Dir{Root: d.root}
	w, err := f.Create(disk.Temp)
	if err != nil {
		return fmt.Errorf("cannot create a file: %w", err)
	}
	err = errors.Join(disk.WriteSynced(w, make([]byte, 4096)), f.Remove(disk.Temp), f.SyncDir("."))
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
