package disk

import (
	"fmt"
	"syscall"
)

// stNoExec is ST_NOEXEC in f_flags of statfs(2).
const stNoExec = 8

// Executable says in words when nothing can be executed from the directory dir because its file system is mounted noexec.
// Where that cannot be told it says nothing: execve(2) will, with EACCES.
func Executable(dir string) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return fmt.Errorf("cannot tell how the file system of %s is mounted: %w", dir, err)
	}
	if stat.Flags&stNoExec != 0 {
		return fmt.Errorf("programs cannot be executed from %s: its file system is mounted noexec; "+
			"mount it without (mount -o remount,exec), or move storage.directory", dir)
	}
	return nil
}
