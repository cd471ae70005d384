package opampclient

import (
	"context"
	"errors"
	"sync"
	"time"
)

// lifecycle lets Stop reach a Run on another goroutine, whichever of the two is called first. The mutex is there
// because both may happen at once; it is never held over anything that waits.
type lifecycle struct {
	mu             sync.Mutex
	begun, stopped bool
	soft, hard     context.CancelFunc
	done           chan struct{}
}

func newLifecycle() *lifecycle {
	return &lifecycle{soft: func() {}, hard: func() {}, done: make(chan struct{})}
}

// begin is called by Run with its two ends: soft asks it to say goodbye, hard cuts it off.
func (l *lifecycle) begin(soft, hard context.CancelFunc) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun {
		return errors.New("an OpAMP client runs once: make another")
	}
	l.begun, l.soft, l.hard = true, soft, hard
	if l.stopped {
		soft()
	}
	return nil
}

func (l *lifecycle) end() { close(l.done) }

// stop asks Run to end, or never to begin, and returns what is closed when it has, and how to cut it off.
func (l *lifecycle) stop() (done <-chan struct{}, cut context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.begun && !l.stopped {
		l.begun = true
		close(l.done)
	}
	l.stopped = true
	l.soft()
	return l.done, l.hard
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
