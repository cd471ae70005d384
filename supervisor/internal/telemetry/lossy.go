package telemetry

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"
)

const (
	queuedLines = 1024
	// flushWithin bounds the wait for the last lines: a reader that is stuck must not
	// hold up the end of the daemon.
	flushWithin = time.Second
)

// lossy writes lines in a goroutine of its own and drops them when that falls behind.
// A terminal that is stopped, or a pipe that nobody reads, must never stop the event
// loop, which logs what it does: telemetry comes before words about it.
type lossy struct {
	to      zapcore.WriteSyncer
	lines   chan []byte
	flushes chan chan struct{}
	end     chan struct{}
	once    sync.Once
	dropped atomic.Int64 // a counter that is only ever reported
}

func newLossy(to zapcore.WriteSyncer) *lossy {
	l := &lossy{to: to, lines: make(chan []byte, queuedLines), flushes: make(chan chan struct{}), end: make(chan struct{})}
	go l.run()
	return l
}

// Write queues a line or drops it; it never waits and never fails.
func (l *lossy) Write(line []byte) (int, error) {
	select {
	case l.lines <- append([]byte(nil), line...): // zap uses its buffer again
	default:
		l.dropped.Add(1)
	}
	return len(line), nil
}

// Sync waits a moment until what was written before is out.
func (l *lossy) Sync() error {
	done, timeout := make(chan struct{}), time.NewTimer(flushWithin)
	defer timeout.Stop()
	select {
	case l.flushes <- done:
	case <-l.end:
		return nil
	case <-timeout.C:
		return nil
	}
	select {
	case <-done:
	case <-timeout.C:
	}
	return nil
}

// close ends the goroutine, unless it is stuck in a write: then it ends after that.
func (l *lossy) close() {
	_ = l.Sync()
	l.once.Do(func() { close(l.end) })
}

func (l *lossy) run() {
	for {
		select {
		case line := <-l.lines:
			l.put(line)
		case done := <-l.flushes:
			for range len(l.lines) {
				l.put(<-l.lines)
			}
			_ = l.to.Sync() // stdout cannot be synced
			close(done)
		case <-l.end:
			return
		}
	}
}

func (l *lossy) put(line []byte) {
	_, _ = l.to.Write(line) // there is nowhere else to complain
	if n := l.dropped.Swap(0); n > 0 {
		_, _ = fmt.Fprintf(l.to, "{\"level\":\"warn\",\"msg\":\"log lines were dropped: nobody took them in time\",\"lines\":%d}\n", n)
	}
}
