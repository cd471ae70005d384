package local_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func TestStrangersWhoSayNothingDoNotKeepTheCollectorOut(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	inside := l.dial(t, "secret")
	inside.say(t, described("m"))
	l.next(t)
	host := strings.TrimSuffix(strings.TrimPrefix(l.url, "ws://"), "/v1/opamp")
	began := time.Now()
	var strangers []net.Conn
	for range 30 { // more than are let in at once
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, "POST /v1/opamp HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
		require.NoError(t, err)
		strangers = append(strangers, c)
	}
	for _, c := range strangers { // each is refused and shown out, whatever it still owes
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		assert.Contains(t, string(answer), "426 Upgrade Required")
	}
	assert.Greater(t, time.Since(began), 9*time.Second, "in two rounds of 5 s")
	inside.say(t, described("m")) // longer than the strangers had: a session has no such limit
	assert.IsType(t, core.AgentDescribed{}, l.next(t))
}
