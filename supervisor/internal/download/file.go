package download

import (
	"fmt"
	"io"
)

// spaceStep is how much room is asked for at a time while a server does not say how large the file is, in bytes.
const spaceStep = 64 << 20

// syncStep is how much of a download a crash may cost, in bytes.
const syncStep = 8 << 20

// file is the Partial, what is known of it, and what it may become.
type file struct {
	partial Partial
	record  record
	size    int64
	high    int64 // the largest size so far; only what is beyond is progress
	want    int64 // the size the request expects; 0 is unknown
	limit   int64 // the largest size
	trusted bool  // the content will be compared with a hash
	space   func(int64) error
	asked   int64 // for how much room
	dirty   int64 // bytes that were written since the last Sync
	resumed bool
}

// openFile empties a Partial that cannot be the beginning of the request's file.
func openFile(p Partial, r Request, space func(int64) error) (*file, error) {
	f := &file{
		partial: p, record: parseRecord(p.Validator()), size: max(p.Size(), 0),
		want: r.Size, limit: r.MaxSize, trusted: r.SHA256 != "", space: space,
	}
	total := f.record.Total
	if f.size > f.limit || f.want > 0 && f.size > f.want || total > 0 && f.size > total || f.want > 0 && total > 0 && total != f.want {
		if err := f.restart(record{}); err != nil {
			return nil, err
		}
	}
	f.high, f.resumed = f.size, f.size > 0
	if f.want > 0 && !f.complete() {
		return f, f.room(f.want)
	}
	return f, nil
}

// complete says that all bytes are there, so that nobody needs to be asked.
func (f *file) complete() bool {
	return f.size > 0 && (f.size == f.record.Total || f.trusted && f.size == f.want)
}

// restart empties the file for content that is described by r.
func (f *file) restart(r record) error {
	if err := f.partial.Restart(r.String()); err != nil {
		return disk(fmt.Errorf("starting the file over: %w", err))
	}
	f.record, f.size, f.resumed = r, 0, false
	return nil
}

// room asks for room for a file of that size, unless that was done.
func (f *file) room(size int64) error {
	if size <= f.asked {
		return nil
	}
	if err := f.space(size); err != nil {
		return disk(fmt.Errorf("no room for %d bytes: %w", size, err))
	}
	f.asked = size
	return nil
}

func (f *file) write(p []byte) error {
	if end := f.size + int64(len(p)); end > f.asked { // the size was not announced
		if err := f.room(min(f.limit, end+spaceStep)); err != nil {
			return err
		}
	}
	n, err := f.partial.Write(p)
	f.dirty += int64(max(n, 0))
	f.size += int64(max(n, 0))
	f.high = max(f.high, f.size)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return disk(fmt.Errorf("writing to the file at byte %d: %w", f.size, err))
	}
	if f.dirty >= syncStep {
		return f.sync()
	}
	return nil
}

func (f *file) sync() error {
	if f.dirty == 0 {
		return nil
	}
	if err := f.partial.Sync(); err != nil {
		return disk(fmt.Errorf("syncing the file: %w", err))
	}
	f.dirty = 0
	return nil
}

// check compares an announced size with what is expected.
func (f *file) check(total int64) error {
	switch {
	case total > f.limit:
		return refused("the file has %d bytes, which is more than the %d that are allowed: offer a smaller one, or raise the limit", total, f.limit)
	case f.want > 0 && total != f.want:
		return refused("the file has %d bytes, not the %d that are expected: it is another file", total, f.want)
	}
	return f.room(total)
}

// overrun is the end of a server that sends more than it said or may.
func (f *file) overrun(until int64) error {
	if err := f.restart(record{}); err != nil {
		return err
	}
	return refused("more than %d bytes came, which is more than announced or allowed: it is another file", until)
}
