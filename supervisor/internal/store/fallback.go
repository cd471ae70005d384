package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"opampd/supervisor/internal/disk"
)

// openFallback opens a Store in place of the directory d, which cannot be written. Its place is derived from the path of d
// and not random: should this process crash, the next one finds the record of the Collector that still runs, and adopts it.
// The error is always *LockedError.
func openFallback(d directory, opts Options) (*Store, error) {
	for _, place := range fallbackPlaces(d.path, opts) {
		if !private(place) {
			continue
		}
		instead, err := openDirectory(place)
		if locked, ok := errors.AsType[*LockedError](err); ok {
			return nil, errors.Join(&LockedError{Dir: d.path, PID: locked.PID}, d.close())
		}
		if err != nil {
			_ = instead.close()
			continue
		}
		_ = copyNewer(disk.Dir{Root: instead.root}, d.root, instead.root)
		s := newStore(disk.Dir{Root: instead.root}, instead.path, opts)
		s.former, s.closers = otherPlaces(d.path, instead.path, opts), []func() error{instead.close, d.close}
		return s, nil
	}
	m := disk.Memory{}
	_ = copyNewer(m, d.root, nil)
	s := newStore(m, "", opts)
	s.former, s.closers = otherPlaces(d.path, "", opts), []func() error{d.close}
	return s, nil
}

// reclaim brings back to the directory d what an opampd that had to do without it left in its fallback, such as the record
// of a Collector that still runs. The error is *LockedError when that opampd is there yet; another one means that d cannot
// be written after all, and that nothing is lost.
func reclaim(d directory, opts Options) error {
	for _, place := range fallbackPlaces(d.path, opts) {
		if !ours(place) {
			continue
		}
		former, err := openDirectory(place)
		if locked, ok := errors.AsType[*LockedError](err); ok {
			return &LockedError{Dir: d.path, PID: locked.PID}
		}
		if former.root != nil {
			err = bringBack(d, former)
		}
		if err = errors.Join(err, former.close()); former.root != nil && err != nil {
			return fmt.Errorf("cannot bring back what is in %s: %w", place, err)
		}
	}
	return nil
}

// bringBack copies what is newer in former to d and removes it there. The directory itself stays: by it the processes that
// were started there are known, and nobody else can take its name.
func bringBack(d, former directory) error {
	if err := copyNewer(disk.Dir{Root: d.root}, former.root, d.root); err != nil {
		return err
	}
	entries, _ := fs.ReadDir(former.root.FS(), ".")
	for _, entry := range entries {
		if entry.Name() != lockName {
			_ = former.root.RemoveAll(entry.Name()) // what stays is older than the copy
		}
	}
	return nil
}

// fallbackPlaces are the directories that may stand in for dir, best first.
func fallbackPlaces(dir string, opts Options) []string {
	sum := sha256.Sum256([]byte(dir))
	name := fmt.Sprintf("opampd-%d-%s", os.Geteuid(), hex.EncodeToString(sum[:4]))
	var places []string
	for _, base := range fallbackBases(opts) {
		places = append(places, filepath.Join(base, name))
	}
	return places
}

// otherPlaces are dir and what may stand in for it, without the one in use and those that do not exist.
func otherPlaces(dir, used string, opts Options) []string {
	return slices.DeleteFunc(append([]string{dir}, fallbackPlaces(dir, opts)...), func(place string) bool {
		_, err := os.Lstat(place)
		return place == used || err != nil
	})
}

// fallbackBases are the directories in which a Store of last resort is tried: systemd's RuntimeDirectory= (systemd.exec(5))
// is ours alone; /dev/shm is writable in a container with a read-only root.
func fallbackBases(opts Options) []string {
	if opts.Fallback != nil {
		return opts.Fallback
	}
	bases := []string{"/dev/shm", os.TempDir()}
	if dir := os.Getenv("RUNTIME_DIRECTORY"); filepath.IsAbs(dir) {
		bases = append([]string{filepath.SplitList(dir)[0]}, bases...)
	}
	return bases
}

// private makes dir, unless it exists, and says whether it is ours and closed to others. In a directory that all can write,
// somebody else may have made it first, under the name that we were going to use, in order to feed us a state or hold the lock.
func private(dir string) bool {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return false
	}
	return ours(dir)
}

// ours says that dir is there, belongs to us and is closed to others.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// copyNewer brings to f what can be read in the directory from, unless a former opampd that did without it
// left something newer in to (nil: nothing is there). It does what it can: what cannot be read is absent, and the error
// is about what could not be written.
func copyNewer(f disk.Files, from, to *os.Root) error {
	if from == nil {
		return nil
	}
	source := disk.Dir{Root: from}
	names := append([]string{stateName, runName, ledgerName, effectiveName}, importNames()...)
	blobs, _ := source.List(blobDir)
	for _, blob := range blobs {
		names = append(names, path.Join(blobDir, blob))
	}
	var errs []error
	for _, name := range names {
		if newer(from, to, name) {
			if body, err := source.Read(name); err == nil {
				errs = append(errs, disk.Replace(f, name, body))
			}
		}
	}
	return errors.Join(errs...)
}

// newer says that the file name was written in from after the one in to.
func newer(from, to *os.Root, name string) bool {
	if to == nil {
		return true
	}
	theirs, err := from.Lstat(name)
	if err != nil {
		return false
	}
	ours, err := to.Lstat(name)
	return errors.Is(err, fs.ErrNotExist) || err == nil && theirs.ModTime().After(ours.ModTime())
}
