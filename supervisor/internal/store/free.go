package store

import "syscall"

// Free returns how many bytes this user may still write to the file system of the storage directory (statfs(2), f_bavail).
func (s *Store) Free() (uint64, error) {
	if s.dir == "" {
		return 0, s.failed("tell the free space of", ".", errNoDirectory)
	}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &stat); err != nil {
		return 0, s.failed("tell the free space of", ".", err)
	}
	return stat.Bavail * uint64(stat.Bsize), nil //nolint:gosec // a block size is positive; its type depends on the system
}
