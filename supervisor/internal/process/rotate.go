package process

import (
	"fmt"
	"io"
	"os"
)

// rotateWhenDue copies the log away and empties it when it is too long.
func (f *follower) rotateWhenDue() {
	if f.file == nil || f.size() < f.MaxBytes {
		return
	}
	old, err := f.copyAway()
	if err == nil {
		defer old.Close() //nolint:errcheck // a failed copy is shorter evidence, and nothing else can be done
	}
	f.kept = f.tail()
	if f.file.Truncate(0) != nil { // an append-only file: it is not ours to keep small
		f.MaxBytes = 1 << 62
		return
	}
	if err == nil && f.delivery != nil {
		for f.read(old) { // what was copied but not yet passed on
			continue
		}
	}
	f.offset, f.start = 0, 0
}

// copyAway copies the log to Path.1, after moving the older ones on. A child that writes faster than we copy would
// keep us at it for ever, so the copy ends at twice the maximum. Without room the content is given up: to stay
// small is what was promised.
func (f *follower) copyAway() (*os.File, error) {
	for i := f.Keep; i > 1; i-- {
		_ = os.Rename(f.numbered(i-1), f.numbered(i)) // replaces the oldest; none yet is fine
	}
	_ = os.Remove(f.numbered(1)) // only there if the rename failed, or if one is kept
	old, err := os.OpenFile(f.numbered(1), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the old log: %w", err)
	}
	_, err = f.file.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(old, io.LimitReader(f.file, 2*f.MaxBytes))
	}
	if err != nil {
		_ = old.Close()
		_ = os.Remove(old.Name())
		return nil, fmt.Errorf("keep the old log: %w", err)
	}
	return old, nil
}

func (f *follower) numbered(i int) string { return fmt.Sprintf("%s.%d", f.Path, i) }
