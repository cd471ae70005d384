//go:build linux

package process

import (
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMethodsMayBeCalledFromSeveralGoroutines(t *testing.T) {
	t.Parallel() // for the race detector
	p := started(t, self("stubborn"))
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() { assert.NoError(t, p.Stop(t.Context(), patience)) })
		callers.Go(func() {
			for p.Record() != (Record{}) {
				_ = p.Signal(syscall.SIGCONT)
				_ = p.Exit()
			}
		})
	}
	p.Kill() // overtakes the Stops, which wait
	callers.Wait()
	assert.NotEmpty(t, ended(t, p).Signal) // SIGTERM, when it came before the child could refuse it
}
