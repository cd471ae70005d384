package process

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	chunkBytes = 256 << 10
	// checkEvery is how often the file is looked at even if the kernel announced nothing.
	checkEvery = time.Second
	// checkOften is the same where there are no announcements (max_user_instances of inotify is used up).
	checkOften = 200 * time.Millisecond
)

// follower reads the file behind the child, and empties it in time. Only its goroutine touches it.
type follower struct {
	LogSettings
	file     *os.File // nil: in memory
	err      error    // why it is in memory
	offset   int64    // read and passed on up to here
	start    int64    // where the present run begins
	kept     []byte   // the last output of the run that is not in the file any more
	watcher  *fsnotify.Watcher
	lines    splitter
	delivery *delivery // nil: lines are for nobody
	chunk    []byte
}

func newFollower(settings LogSettings) *follower {
	f := &follower{LogSettings: settings}
	if settings.Lines != nil {
		f.chunk = make([]byte, chunkBytes)
		f.delivery = deliverTo(settings.Lines, settings.Path, f.crowded)
	}
	if watcher, err := fsnotify.NewWatcher(); err == nil {
		f.watcher = watcher
	}
	f.err = f.open()
	return f
}

// run follows until stop, and in between does what is asked.
func (f *follower) run(requests <-chan func(*follower), stop <-chan struct{}) {
	defer f.close()
	ticker := time.NewTicker(f.interval())
	defer ticker.Stop()
	written, mishap := f.announcements()
	more := make(chan struct{})
	close(more)
	var again <-chan struct{}
	for {
		select {
		case <-again:
		case <-written:
		case <-mishap: //nolint:errcheck // a queue that ran over: the look below catches up
		case <-ticker.C:
		case request := <-requests:
			request(f)
		case <-stop:
			return
		}
		again = nil
		if f.follow() {
			again = more
		}
	}
}

func (f *follower) interval() time.Duration {
	if f.watcher == nil {
		return checkOften
	}
	return checkEvery
}

func (f *follower) announcements() (<-chan fsnotify.Event, <-chan error) {
	if f.watcher == nil {
		return nil, nil
	}
	return f.watcher.Events, f.watcher.Errors
}

func (f *follower) close() {
	f.drain()
	if f.delivery != nil {
		f.delivery.close()
	}
	if f.watcher != nil {
		_ = f.watcher.Close()
	}
	if f.file != nil {
		_ = f.file.Close() // what mattered was written by the child
	}
}

// open opens the file at the path, which may be another one than before: somebody may have moved it away.
func (f *follower) open() error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
		return fmt.Errorf("make the directory of the log %s: %w", f.Path, err)
	}
	file, err := os.OpenFile(f.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of the Collector: %w", err)
	}
	info, err := usable(file)
	if err != nil {
		_ = file.Close()
		return err
	}
	if f.file != nil {
		if before, err := f.file.Stat(); err == nil && os.SameFile(before, info) {
			_ = file.Close()
			return nil
		}
		_ = f.file.Close()
	}
	f.file, f.offset, f.start = file, info.Size(), 0 // what was there before is not news
	if f.watcher != nil {
		_ = f.watcher.Add(f.Path) // or else the ticker does it
	}
	return nil
}

// usable refuses what is no file, and a storage with no room, where nothing written would be kept.
func usable(file *os.File) (os.FileInfo, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at the log %s: %w", file.Name(), err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("log of the Collector: %s is not a regular file", file.Name())
	}
	if err := hasRoom(file); err != nil {
		return nil, fmt.Errorf("log of the Collector %s: %w", file.Name(), err)
	}
	if err := file.Chmod(0o600); err != nil { // it may hold secrets of a configuration
		return nil, fmt.Errorf("make the log of the Collector private: %w", err)
	}
	return info, nil
}

// begin opens the file for a new run.
func (f *follower) begin() (*os.File, error) {
	f.drain()
	f.kept = nil
	if f.err = f.open(); f.err != nil {
		f.leaveFile()
		return nil, f.err
	}
	f.rotateWhenDue()
	f.start = f.size()
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		f.err = fmt.Errorf("open the log of the Collector: %w", err)
		f.leaveFile()
	}
	return file, f.err
}

func (f *follower) leaveFile() {
	if f.file != nil {
		_ = f.file.Close()
	}
	f.file, f.offset, f.start = nil, 0, 0
}

// follow reads at most one chunk, and reports whether there may be more.
func (f *follower) follow() (more bool) {
	if f.file == nil {
		return false
	}
	size := f.size()
	if size < f.offset { // somebody else has emptied it
		f.offset, f.start = 0, 0
	}
	if f.delivery == nil {
		f.offset = size
	} else {
		more = f.read(f.file)
	}
	f.rotateWhenDue()
	return more
}

// read passes on the next chunk of file, which is the log or the copy of it.
func (f *follower) read(file *os.File) (more bool) {
	n, err := file.ReadAt(f.chunk, f.offset)
	f.offset += int64(n)
	f.lines.feed(f.chunk[:n], f.delivery.emit)
	return n > 0 && err == nil
}

// take is read for output that comes from a pipe.
func (f *follower) take(chunk []byte) {
	f.kept = lastOf(append(f.kept, chunk...), evidenceBytes)
	if f.delivery != nil {
		f.lines.feed(chunk, f.delivery.emit)
	}
}

// finish ends a run and returns its last lines.
func (f *follower) finish() string {
	f.drain()
	return evidence(f.tail())
}

// drain passes on all that is there now, the last line even if it is not complete.
func (f *follower) drain() {
	for left := f.size() - f.offset; left > 0 && f.follow(); left -= chunkBytes {
		continue
	}
	if f.delivery != nil {
		f.lines.flush(f.delivery.emit)
		f.delivery.settle()
	}
}

// tail is the last output of the run, from what rotation took away and what is in the file.
func (f *follower) tail() []byte {
	if f.file == nil {
		return f.kept
	}
	size := f.size()
	section := io.NewSectionReader(f.file, max(f.start, size-evidenceBytes), evidenceBytes)
	data, _ := io.ReadAll(section) // less is better than nothing
	return lastOf(append(slices.Clip(f.kept), data...), evidenceBytes)
}

func (f *follower) size() int64 {
	if f.file == nil {
		return 0
	}
	info, err := f.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// crowded reports that there is no time to wait for who reads the lines: the file must be emptied. Up to twice the
// maximum a copy takes all of it.
func (f *follower) crowded() bool { return f.size()/2 >= f.MaxBytes }
