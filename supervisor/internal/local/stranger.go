package local

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxStrangers is how many connections may be open that have not shown the token:
// anyone on the host can connect, and must not use up our descriptors.
const maxStrangers = 32

// strangers are the connections that have not shown the token, in the order they came.
// When there are too many the first has to go: the Collector, which shows it at once,
// never waits for one that says nothing.
type strangers struct {
	mu    sync.Mutex // each connection has a goroutine of its own
	conns []net.Conn
}

// connKey is under what the context of a request holds its connection.
type connKey struct{}

func (*strangers) context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// state follows the HTTP server.
func (s *strangers) state(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.enter(c)
	case http.StateClosed, http.StateHijacked:
		s.leave(c)
	case http.StateActive, http.StateIdle:
	}
}

func (s *strangers) enter(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == maxStrangers {
		_ = s.conns[0].Close()
		s.conns = slices.Delete(s.conns, 0, 1)
	}
	s.conns = append(s.conns, c)
}

func (s *strangers) leave(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(other net.Conn) bool { return other == c })
}

// known is called when a request has shown the token.
func (s *strangers) known(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		s.leave(c)
	}
}
