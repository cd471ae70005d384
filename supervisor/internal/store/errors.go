package store

import (
	"fmt"

	"opampd/supervisor/internal/disk"
)

// Incident is a file that could not be believed and was survived.
type Incident = disk.Incident

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
	return fmt.Sprintf("cannot write to storage directory %s: %v%s; running on with %s, state will be lost at reboot", e.Dir, e.Err, disk.Hint(e.Err), instead)
}

// Unwrap returns the cause.
func (e *UnwritableError) Unwrap() error { return e.Err }
