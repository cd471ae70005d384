package process

import (
	"errors"
	"os"
	"sync"
	"time"
)

const (
	defaultMaxBytes = 10 << 20
	defaultKeep     = 3
	// evidenceBytes is how much of the last output is kept to explain an exit.
	evidenceBytes = 8 << 10
	// drainWait is how long the end of a run waits for a descendant that still holds the output.
	drainWait = time.Second
)

// ErrLogClosed is returned by Start when the Log of its Spec was closed.
var ErrLogClosed = errors.New("the log of the Collector is closed already")

// LogSettings says where the output of the child goes.
type LogSettings struct {
	Path     string     // the log file; its directory is made with mode 0700, the file has 0600
	MaxBytes int64      // the size at which the file is copied away and emptied; 0: 10 MiB
	Keep     int        // how many old files stay (Path.1 is the youngest); 0: 3
	Lines    func(Line) // gets each complete line as it is written; nil: nobody. It may block, then lines are dropped.
}

// Log is the file that a child writes its stdout and stderr to, followed and kept small by one goroutine.
//
// It is a file and not a pipe so that the child lives on when this program dies: a Go program is ended by SIGPIPE
// when it writes to a broken pipe on descriptor 1 or 2. The child appends (O_APPEND), so the file can be emptied
// under it: old content is copied to Path.1 first; what is written between the end of the copy and the emptying
// is lost. Where the file cannot be opened (read-only or full storage) a pipe and memory take its place; then a
// child does not outlive us. One Log serves one child at a time, and any number of them one after the other.
type Log struct {
	requests chan func(*follower)
	closing  func()
	closed   chan struct{}
}

// OpenLog opens the file, or falls back to memory (see Err), and follows it from its end until Close.
func OpenLog(settings LogSettings) *Log {
	if settings.MaxBytes <= 0 {
		settings.MaxBytes = defaultMaxBytes
	}
	if settings.Keep <= 0 {
		settings.Keep = defaultKeep
	}
	stop := make(chan struct{})
	l := &Log{
		requests: make(chan func(*follower)),
		closing:  sync.OnceFunc(func() { close(stop) }),
		closed:   make(chan struct{}),
	}
	go func() {
		defer close(l.closed)
		newFollower(settings).run(l.requests, stop)
	}()
	return l
}

// Close passes on what was written so far and stops following. The file stays, and a living child writes on.
func (l *Log) Close() {
	l.closing()
	<-l.closed
}

// Err tells why output goes to memory instead of the file, nil when it does not.
func (l *Log) Err() (err error) {
	l.do(func(f *follower) { err = f.err })
	return err
}

// do runs request in the goroutine of the follower and waits for it. It reports false after Close.
func (l *Log) do(request func(*follower)) bool {
	done := make(chan struct{})
	select {
	case l.requests <- func(f *follower) { defer close(done); request(f) }:
		<-done
		return true
	case <-l.closed:
		return false
	}
}

// output is where one run writes.
type output struct {
	file   *os.File      // for the child; nil: nowhere
	finish func() string // after the end of the run: waits for the last lines and returns them
}

// release gives up our copy of the descriptor, which the child has inherited.
func (o output) release() {
	if o.file != nil {
		_ = o.file.Close() // nothing was written through it
	}
}

// begin starts a run: from here on the evidence is of this run.
func (l *Log) begin() (output, error) {
	if l == nil {
		return output{finish: l.finish}, nil
	}
	var file *os.File
	var err error
	if !l.do(func(f *follower) { file, err = f.begin() }) {
		return output{}, ErrLogClosed
	}
	if err != nil {
		return l.beginInMemory()
	}
	return output{file: file, finish: l.finish}, nil
}

// finish waits until all that was written is passed on, and returns the last lines.
func (l *Log) finish() (tail string) {
	if l != nil {
		l.do(func(f *follower) { tail = f.finish() })
	}
	return tail
}
