package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Incident is a file that could not be believed and was survived.
type Incident struct {
	File    string // the name within the storage directory
	Reason  string // what is wrong with it
	MovedTo string // where it was kept as evidence, absolute; empty when it was left in place
}

// String is the incident in words.
func (i Incident) String() string {
	if i.MovedTo == "" {
		return fmt.Sprintf("%s: %s", i.File, i.Reason)
	}
	return fmt.Sprintf("%s: %s; kept as %s", i.File, i.Reason, i.MovedTo)
}

// LockedError says that another opampd owns the directory. Two on one directory would start two Collectors, so this is final.
type LockedError struct {
	Dir string // the storage directory
	PID int    // the holder; 0 when it could not be read
}

// Error implements error.
func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID > 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("storage directory %s is in use by %s: stop that opampd first, or give this one its own storage.directory", e.Dir, holder)
}

// UnwritableError says that nothing can be saved in the storage directory. It is a reason to complain, not to stop: [Open]
// returns it together with a Store that works.
type UnwritableError struct {
	Dir  string // the storage directory
	Used string // the directory used instead, lost with the next boot; empty for memory alone
	Err  error  // the cause
}

// Error implements error.
func (e *UnwritableError) Error() string {
	instead := "memory"
	if e.Used != "" {
		instead = e.Used
	}
	return fmt.Sprintf("cannot write to storage directory %s: %v%s; running on with %s, state will be lost at reboot", e.Dir, e.Err, hint(e.Err), instead)
}

// Unwrap returns the cause.
func (e *UnwritableError) Unwrap() error { return e.Err }

// hint says what the operator can do about err, or nothing.
func hint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return " (free some space or inodes, or move storage.directory)"
	case errors.Is(err, syscall.EROFS):
		return " (mount it writable, or move storage.directory)"
	case errors.Is(err, fs.ErrPermission):
		return " (it must belong to the user opampd runs as)"
	default:
		return ""
	}
}

// failed puts the words to an error of the file layer: what was tried on which file, why not, what to do.
func (s *Store) failed(tried, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s %s: %w%s", tried, filepath.Join(s.dir, name), err, hint(err))
}
