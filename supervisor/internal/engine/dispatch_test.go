package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"opampd/supervisor/internal/core"
)

// elapsed is how long a timer took, in seconds.
func elapsed(t *testing.T, c core.SetTimer) float64 {
	t.Helper()
	began := time.Now()
	wait(t.Context(), c, func(ev core.Event) {
		assert.Equal(t, core.TimerFired{Timer: c.Timer, ID: c.ID}, ev)
	})
	return time.Since(began).Seconds()
}

func TestTimerWithoutJitterIsExact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		assert.InDelta(t, 60, elapsed(t, core.SetTimer{Timer: core.TimerRetry, ID: 9, After: time.Minute}), 0)
	})
}

func TestJitterSpreadsATimerByAFifthEachWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shortest, longest := 100.0, 0.0
		for range 500 {
			took := elapsed(t, core.SetTimer{Timer: core.TimerBackoff, After: time.Minute, Jitter: true})
			shortest, longest = min(shortest, took), max(longest, took)
		}
		assert.GreaterOrEqual(t, shortest, 48.0)
		assert.LessOrEqual(t, longest, 72.0)
		assert.Less(t, shortest, 51.0)
		assert.Greater(t, longest, 69.0)
	})
}

func TestTimerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			wait(ctx, core.SetTimer{After: time.Hour}, func(core.Event) { assert.Fail(t, "fired") })
		}()
		synctest.Wait()
		cancel()
		<-done
	})
}

func TestMessagesForACollectorThatDoesNotReadAreBounded(t *testing.T) {
	t.Parallel()
	m := newMailbox()
	for range 10 * maxForwards {
		m.put(core.Forward{})
	}
	m.put(core.Expect{Run: 7})
	for range maxForwards {
		c, _ := m.take()
		assert.Equal(t, core.Forward{}, c)
	}
	m.put(core.Forward{Message: core.Message{Type: "again"}})
	next, _ := m.take()
	assert.Equal(t, core.Expect{Run: 7}, next, "other commands always find room")
	next, _ = m.take()
	assert.Equal(t, core.Forward{Message: core.Message{Type: "again"}}, next)
	_, more := m.take()
	assert.False(t, more)
}
