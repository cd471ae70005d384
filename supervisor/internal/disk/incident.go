package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Incident is a file that could not be believed and was survived.
type Incident struct {
	File    string // the name within the directory
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

// Hint says, in parentheses and after a space, what the operator can do about err, or nothing.
func Hint(err error) string {
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
