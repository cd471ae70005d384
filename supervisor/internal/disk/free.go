package disk

import (
	"fmt"
	"syscall"
)

// Free returns how many bytes this user may still write to the file system of the directory dir (statfs(2), f_bavail).
func Free(dir string) (uint64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("cannot tell the free space of %s: %w", dir, err)
	}
	return stat.Bavail * uint64(stat.Bsize), nil //nolint:gosec // a block size is positive; its type depends on the system
}
