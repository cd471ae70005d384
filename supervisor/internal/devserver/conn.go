package devserver

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// messageLimit is the largest message taken, in bytes after decompression: the specification's default (S-012).
	messageLimit = 64 << 20
	// writeTimeout bounds one write: the loop sends pushes itself, and an agent that does not read must not stop it for longer.
	writeTimeout = 5 * time.Second
)

var errTooLarge = errors.New("message larger than the limit")

// bounded is the network connection under a WebSocket. opamp-go sets neither read limit nor write deadline and does not close
// live connections when it stops (G-40), and its WebSocket cannot be reached, so all three are done below it.
type bounded struct {
	net.Conn
	budget int64  // bytes that may still be read before the next message is complete; only the reading goroutine touches it
	closed func() // called by the first Close
}

// Read gives up, with close code 1009 (S-010), when a message does not end within the limit.
func (c *bounded) Read(p []byte) (int, error) {
	if c.budget <= 0 {
		c.farewell(websocket.CloseMessageTooBig)
		return 0, errTooLarge
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.budget)])
	c.budget -= int64(n)
	return n, err //nolint:wrapcheck // a reader's io.EOF is compared, not unwrapped
}

// Write sets the deadline that gorilla's own (none) would clear.
func (c *bounded) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.Conn.Write(p) //nolint:wrapcheck // as Read
}

// Close is what the goroutine that serves the connection calls last.
func (c *bounded) Close() error {
	err := c.Conn.Close()
	c.closed()
	return err //nolint:wrapcheck // as Read
}

// messageDone starts the budget of the next message. Compression is never negotiated, so bytes read are bytes of messages.
func (c *bounded) messageDone() { c.budget = messageLimit }

// farewell writes a close frame; one Write is one frame, so it cannot mix with another.
func (c *bounded) farewell(code int) {
	payload := websocket.FormatCloseMessage(code, "")
	_, _ = c.Write(append([]byte{0x80 | websocket.CloseMessage, byte(len(payload))}, payload...)) //nolint:gosec // it is two bytes
}

// hijackable hands out bounded connections, which end with the context and are counted until nothing serves them any more.
type hijackable struct {
	http.ResponseWriter
	running *sync.WaitGroup
	bind    func(net.Conn) *bounded
}

// Hijack is called by the WebSocket upgrade (see http.Hijacker). The HTTP server gives its own count back inside, so one is
// held until the connection has its own.
func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h.running.Add(1)
	defer h.running.Done()
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // passed through to the upgrade, which words it
	}
	return h.bind(conn), rw, nil
}

// binder ties a connection to ctx and counts twice: for the goroutine that serves it and for the one that ends it.
func binder(ctx context.Context, running *sync.WaitGroup) func(net.Conn) *bounded {
	return func(conn net.Conn) *bounded {
		c := &bounded{Conn: conn, budget: messageLimit}
		running.Add(2)
		release := context.AfterFunc(ctx, func() {
			defer running.Done()
			c.farewell(websocket.CloseGoingAway)
			_ = conn.Close()
		})
		c.closed = sync.OnceFunc(func() {
			if release() {
				running.Done()
			}
			running.Done()
		})
		return c
	}
}

// countConnections lets the end wait for the goroutines of the HTTP server, each of which serves one connection. From the
// upgrade on [binder] counts.
func countConnections(running *sync.WaitGroup) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			running.Add(1)
		case http.StateClosed, http.StateHijacked:
			running.Done()
		case http.StateActive, http.StateIdle:
		}
	}
}

// boundBody reads the body up to the limit, decompressed (S-028 seen from the server: opamp-go reads without one), and hands on a
// plain one. It returns the HTTP status to answer with, 0 when the body is fine.
func boundBody(r *http.Request) int {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return http.StatusBadRequest
		}
		body = unzip
	}
	data, err := io.ReadAll(io.LimitReader(body, messageLimit+1))
	switch {
	case err != nil:
		return http.StatusBadRequest
	case len(data) > messageLimit:
		return http.StatusRequestEntityTooLarge
	}
	r.Header.Del("Content-Encoding")
	r.Body = io.NopCloser(bytes.NewReader(data))
	return 0
}
