package testkit

import (
	"sync"
	"time"
)

// Patience is how long the waits without a timeout of their own wait. Events end a wait; only a failure takes this long.
const Patience = 20 * time.Second

// board is state that several goroutines change and that tests wait for. The mutex is here because the parties are: connections of
// the agent under test, and the test.
type board struct {
	mu      sync.Mutex
	changed chan struct{}
}

// update runs fn alone and wakes every wait.
func (b *board) update(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// read runs fn alone.
func (b *board) read(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
}

// wait returns true as soon as ready, called alone after every update, is true, and false when the time is up before.
func (b *board) wait(timeout time.Duration, ready func() bool) bool {
	expired := time.NewTimer(timeout)
	defer expired.Stop()
	for {
		var done bool
		var changed chan struct{}
		b.read(func() {
			if b.changed == nil {
				b.changed = make(chan struct{})
			}
			done, changed = ready(), b.changed
		})
		if done {
			return true
		}
		select {
		case <-changed:
		case <-expired.C:
			return false
		}
	}
}
