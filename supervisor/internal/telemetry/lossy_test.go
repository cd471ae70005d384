package telemetry

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tap is a reader that takes nothing until it is opened.
type tap struct {
	open chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
}

func (t *tap) Write(p []byte) (int, error) {
	<-t.open
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got.Write(p)
}

func (t *tap) Sync() error { return nil }

func TestLogThatNobodyReadsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		l := newLossy(out)
		start := time.Now()
		for range 2 * queuedLines {
			_, err := l.Write([]byte("line\n"))
			require.NoError(t, err)
		}
		assert.Zero(t, time.Since(start))
		require.NoError(t, l.Sync())
		assert.Equal(t, flushWithin, time.Since(start), "a flush waits a moment, not more")
		close(out.open)
		l.close()
		synctest.Wait()
		assert.Contains(t, out.got.String(), "lines were dropped")
		assert.GreaterOrEqual(t, strings.Count(out.got.String(), "line\n"), queuedLines)
	})
}

func TestLogIsOutWhenItIsClosed(t *testing.T) {
	t.Parallel()
	out := &tap{open: make(chan struct{})}
	close(out.open)
	l := newLossy(out)
	for range 100 {
		_, _ = l.Write([]byte("line\n"))
	}
	l.close()
	assert.Equal(t, 100, strings.Count(out.got.String(), "line\n"))
}
