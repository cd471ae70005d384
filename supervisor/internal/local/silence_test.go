package local_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

// pipes is a listener without a network, for the bubble of synctest. The goroutines
// that are left when a lane was closed fail the test there.
type pipes struct {
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func newSilentLink(t *testing.T) *link {
	t.Helper()
	p := &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})}
	l := serveOn(t, p)
	l.dialer.NetDialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		p.waiting <- theirs
		return ours, nil
	}
	return l
}

// silent is how long it takes until the lane says that nothing was heard.
func (l *link) silent(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		ev, open := <-l.events
		require.True(t, open)
		if _, ok := ev.(core.AgentSilent); ok {
			return time.Since(began)
		}
	}
}

func TestCollectorThatNeverConnectsIsReportedSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		l.expect(t, 1, "secret")
		assert.Equal(t, 120*time.Second, l.silent(t))
	})
}

func TestCollectorThatMissesThreeHeartbeatsIsReportedSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		l.expect(t, 1, "secret")
		c := l.dial(t, "secret")
		c.say(t, described("m"))
		time.Sleep(90 * time.Second)
		c.say(t, &protobufs.AgentToServer{}) // a heartbeat
		assert.Equal(t, 95*time.Second, l.silent(t))
	})
}

func TestCollectorThatLostItsSessionHasTheTimeOfItsBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		l.expect(t, 1, "secret")
		c := l.dial(t, "secret")
		c.say(t, described("m"))
		time.Sleep(50 * time.Second)
		require.NoError(t, c.ws.Close())
		assert.Equal(t, 120*time.Second, l.silent(t))
	})
}

func TestNobodyExpectedIsNeverSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		time.Sleep(time.Hour)
		assert.Empty(t, l.events)
	})
}

func TestCollectorThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		l.expect(t, 1, "secret")
		c := l.dial(t, "secret")
		c.say(t, described("m"))
		l.next(t)
		began := time.Now()
		l.lane.Run(t.Context(), core.Forward{Message: core.Message{Capability: "c"}})
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.Equal(t, core.AgentDisconnected{Run: 1}, l.next(t))
	})
}

func TestSecondClientWaitsForTheFirstToClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		l.expect(t, 1, "secret")
		first := l.dial(t, "secret")
		first.say(t, described("m"))
		time.AfterFunc(1900*time.Millisecond, func() { _ = first.ws.Close() })
		l.dial(t, "secret").say(t, described("m")) // now it is in
		began := time.Now()
		l.refuses(t, "Bearer secret", 409)
		assert.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestCloseEndsTheSessionAndThoseWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		l.expect(t, 1, "secret")
		first := l.dial(t, "secret")
		first.say(t, described("m"))
		refused := make(chan int)
		go func() {
			_, status := l.tryDial(t.Context(), "Bearer secret")
			refused <- status
		}()
		synctest.Wait()
		began := time.Now()
		l.lane.Close()
		assert.Zero(t, time.Since(began))
		first.requireEnd(t)
		<-refused
	})
}
