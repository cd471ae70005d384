package local_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

// crowd is more strangers than are borne at once.
const crowd = 100

// stranger connects and says no more than it is told to.
func (l *link) stranger(t *testing.T, says string) net.Conn {
	t.Helper()
	dial := l.dialer.NetDialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	c, err := dial(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(l.url, "ws://"), "/v1/opamp"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	if says != "" {
		_, err = io.WriteString(c, says)
		require.NoError(t, err)
	}
	return c
}

// shownOut is what a stranger is told before its connection ends.
func shownOut(t *testing.T, c net.Conn) string {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	answer, err := io.ReadAll(c)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it was left where it was")
	return string(answer)
}

func TestStrangersWhoSayNothingDoNotKeepTheCollectorOut(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	var strangers []net.Conn
	for range crowd {
		strangers = append(strangers, l.stranger(t, ""))
	}
	began := time.Now()
	l.dial(t, "secret").say(t, described("m"))
	assert.IsType(t, core.AgentDescribed{}, l.next(t))
	shownOut(t, strangers[0])
	assert.Less(t, time.Since(began), 2*time.Second, "the first to come is the first to go, and waits for no deadline")
}

func TestStrangersWhoOweTheRestOfARequestAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	inside := l.dial(t, "secret")
	inside.say(t, described("m"))
	l.next(t)
	for range crowd {
		c := l.stranger(t, "POST /v1/opamp HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
		assert.Contains(t, shownOut(t, c), "426 Upgrade Required")
	}
	inside.say(t, described("m")) // nobody made room for them at its cost
	assert.IsType(t, core.AgentDescribed{}, l.next(t))
}

func TestAStrangerHasTwoSecondsToAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		for _, says := range []string{"", "GET /v1/opamp HTTP/1.1\r\n"} {
			c := l.stranger(t, says)
			began := time.Now()
			shownOut(t, c)
			assert.Equal(t, 2*time.Second, time.Since(began))
		}
	})
}

func TestACrowdDoesNotPushOutACollectorThatWaitsForItsOldSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newSilentLink(t)
		l.expect(t, 1, "secret")
		first := l.dial(t, "secret")
		first.say(t, described("m"))
		status := make(chan int)
		go func() {
			c, got := l.tryDial(t.Context(), "Bearer secret")
			status <- got
			if c != nil {
				_ = c.ws.Close()
			}
		}()
		synctest.Wait()
		for range crowd {
			l.stranger(t, "")
		}
		require.NoError(t, first.ws.Close())
		assert.Equal(t, http.StatusSwitchingProtocols, <-status)
	})
}
