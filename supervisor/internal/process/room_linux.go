package process

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// leastRoom is what must be free for the log to be worth opening.
const leastRoom = 64 << 10

// hasRoom returns an error that wraps ENOSPC when the storage of file is full.
func hasRoom(file *os.File) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &fs); err != nil || fs.Blocks == 0 {
		return nil //nolint:nilerr // not known: then the writes will tell
	}
	if fs.Bavail*uint64(fs.Bsize) < leastRoom { //nolint:gosec // a block size is small and positive
		return fmt.Errorf("less than %d KiB are free: %w", leastRoom>>10, unix.ENOSPC)
	}
	return nil
}
