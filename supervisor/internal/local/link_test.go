package local_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
	"opampd/supervisor/internal/local"
)

// patience is for what happens at once on an idle machine.
const patience = 30 * time.Second

// link is a lane with what it posts.
type link struct {
	lane     *local.Lane
	url      string
	events   chan core.Event
	rendered atomic.Value // the text of the rendered file; empty: there is none
	dialer   websocket.Dialer
}

// newLink serves on a loopback port until the end of the test.
func newLink(t *testing.T) *link {
	t.Helper()
	listener, err := local.Listen(t.Context(), "", 0)
	require.NoError(t, err)
	return serveOn(t, listener)
}

func serveOn(t *testing.T, listener net.Listener) *link {
	t.Helper()
	l := &link{url: local.Endpoint(listener), events: make(chan core.Event, 1000)}
	l.rendered.Store("")
	l.lane = local.New(local.Settings{
		Listener: listener, Post: func(ev core.Event) { l.events <- ev },
		Rendered: func() ([]byte, error) {
			if text, _ := l.rendered.Load().(string); text != "" {
				return []byte(text), nil
			}
			return nil, errors.New("no such file")
		},
		Environ: []string{"SECRET=hush-1234"},
	})
	t.Cleanup(l.lane.Close)
	return l
}

// expect tells the lane whom to let in, and returns the token.
func (l *link) expect(t *testing.T, run core.RunID, token string) string {
	t.Helper()
	l.lane.Run(t.Context(), core.Expect{Run: run, Token: token})
	ev, ok := l.next(t).(core.Expecting)
	require.True(t, ok)
	require.Equal(t, run, ev.Run)
	return ev.Token
}

// next is the next event.
func (l *link) next(t *testing.T) core.Event {
	t.Helper()
	select {
	case ev := <-l.events:
		return ev
	case <-time.After(patience):
		require.Fail(t, "no event")
		return nil
	}
}

func (l *link) tryDial(ctx context.Context, authorization string) (*client, int) {
	ws, response, err := l.dialer.DialContext(ctx, l.url, http.Header{"Authorization": {authorization}})
	if response == nil {
		return nil, 0
	}
	_ = response.Body.Close() // which the dialer has read
	if err != nil {
		return nil, response.StatusCode
	}
	return &client{ws: ws}, response.StatusCode
}

func (l *link) dial(t *testing.T, token string) *client {
	t.Helper()
	c, status := l.tryDial(t.Context(), "Bearer "+token)
	require.NotNil(t, c, "status %d", status)
	t.Cleanup(func() { _ = c.ws.Close() })
	return c
}

func (l *link) refuses(t *testing.T, authorization string, wanted int) {
	t.Helper()
	c, status := l.tryDial(t.Context(), authorization)
	require.Nil(t, c)
	require.Equal(t, wanted, status)
}

// client is the Collector's end, as raw as can be.
type client struct {
	ws *websocket.Conn
	mu sync.Mutex // for writing
}

func (c *client) send(m *protobufs.AgentToServer) error {
	frame, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, m)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ws.WriteMessage(websocket.BinaryMessage, frame)
}

func (c *client) hear(t *testing.T) *protobufs.ServerToAgent {
	t.Helper()
	require.NoError(t, c.ws.SetReadDeadline(time.Now().Add(patience)))
	kind, data, err := c.ws.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, websocket.BinaryMessage, kind)
	require.Zero(t, data[0])
	m := &protobufs.ServerToAgent{}
	require.NoError(t, proto.Unmarshal(data[1:], m))
	return m
}

// say sends a message and returns the answer.
func (c *client) say(t *testing.T, m *protobufs.AgentToServer) *protobufs.ServerToAgent {
	t.Helper()
	require.NoError(t, c.send(m))
	return c.hear(t)
}

func (c *client) requireEnd(t *testing.T) {
	t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(patience)) // fails when it is closed already
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			var timeout net.Error
			require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "still open")
			return
		}
	}
}

// described is the first message of a session.
func described(marker string) *protobufs.AgentToServer {
	text := func(s string) *protobufs.AnyValue {
		return &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: s}}
	}
	return &protobufs.AgentToServer{AgentDescription: &protobufs.AgentDescription{
		IdentifyingAttributes: []*protobufs.KeyValue{{Key: "service.name", Value: text("otelcol")}},
		NonIdentifyingAttributes: []*protobufs.KeyValue{
			{Key: effective.MarkerKey, Value: text(marker)}, {Key: "host.name", Value: text("h")},
		},
	}}
}
