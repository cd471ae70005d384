package trust

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile is far more than any file of ours has, and what may be read into memory.
const maxFile = 1 << 20

// AnyOwner is Settings.Owner for files that somebody names by hand, on a host where
// nothing is installed by what they say.
const AnyOwner = -1

// readGuarded reads a regular file that only root (or owner) can change: it and every
// directory above it belongs to them, and neither group nor others can write there. Who
// could change one of these could put his own key into it.
func readGuarded(path string, owner int) ([]byte, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot find %s: %w", path, err)
	}
	if err := guardedAbove(path, owner); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, fmt.Errorf("%w; it must be a readable file, and no link", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot look at it: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	if err := guarded(path, info, owner); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read it: %w", err)
	}
	return data, nil
}

// guardedAbove looks at the directories as they are written, and as they are once links
// are followed.
func guardedAbove(path string, owner int) error {
	if owner == AnyOwner {
		return nil
	}
	dir := filepath.Dir(path)
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("cannot find its directory: %w", err)
	}
	for _, lowest := range []string{dir, resolved} {
		for d := lowest; ; d = filepath.Dir(d) {
			info, err := os.Stat(d)
			if err == nil {
				err = guarded(d, info, owner)
			}
			if err != nil {
				return fmt.Errorf("its directory can be changed: %w", err)
			}
			if d == filepath.Dir(d) {
				break
			}
		}
	}
	return nil
}

// guarded says what is wrong with one file or directory, and what to do about it. Others
// may write into a directory with the sticky bit, since they cannot replace what is not
// theirs.
func guarded(path string, info fs.FileInfo, owner int) error {
	if owner == AnyOwner {
		return nil
	}
	uid, known := ownerOf(info)
	sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0
	switch {
	case !known:
		return errors.New("who owns a file cannot be told on this system")
	case uid != 0 && uid != owner:
		return fmt.Errorf("%s belongs to uid %d, who can change it; run: chown root: %s", path, uid, path)
	case info.Mode().Perm()&0o022 != 0 && !sticky:
		return fmt.Errorf("%s can be written by others (mode %04o); run: chmod go-w %s", path, info.Mode().Perm(), path)
	}
	return nil
}
