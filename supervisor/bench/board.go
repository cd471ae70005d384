package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// board is state that connections change and a measurement waits for. The mutex is here because these are goroutines of net/http.
type board struct {
	mu      sync.Mutex
	changed chan struct{}
}

// update runs fn alone and wakes those who wait.
func (b *board) update(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// await returns when ready, called alone after each update, is true. The error says what did not happen in time.
func (b *board) await(ctx context.Context, timeout time.Duration, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		b.mu.Lock()
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		done, changed := ready(), b.changed
		b.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s was not seen: %w", what, ctx.Err())
		}
	}
}

// pause lets time pass; false means that the run is over.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
