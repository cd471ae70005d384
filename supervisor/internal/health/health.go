// Package health serves the healthcheck endpoint: whether the supervisor and its Collector are well, for load
// balancers, container platforms and people.
package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/netutil"
)

const (
	answerWithin   = 2 * time.Second        // what /livez grants the event loop
	ioTimeout      = 5 * time.Second        // for reading a request, and for answering it
	endWithin      = 500 * time.Millisecond // for answers under way when Serve is to end
	maxConnections = 32
	maxHeader      = 8 << 10 // bytes
)

// Status is what the event loop knows.
type Status struct {
	Started          bool   // the first decision was made: what to run, or that nothing is to run
	Composed         bool   // a composed configuration exists
	CollectorHealthy bool   // the Collector runs and reports itself healthy, or is meant not to run
	Problem          string // why not, for people; anyone who reaches the endpoint reads it, so no secrets
}

// Ready reports whether state and a composed configuration exist, which is what the reference supervisor calls healthy.
func (s Status) Ready() bool { return s.Started && s.Composed }

// Settings say where to serve and whom to ask.
type Settings struct {
	Listener net.Listener // used, and closed at the end, when not nil
	Endpoint string       // host:port to listen on otherwise
	TLS      *tls.Config  // nil: plain HTTP
	// State asks the event loop. It must return when ctx ends, and returns false when the loop did not answer. It is
	// called from several goroutines.
	State func(ctx context.Context) (Status, bool)
}

// Serve answers until ctx ends, then returns nil; answers under way get half a second. An error is about the address.
//
//	/health    200 without a body once Status.Ready, before it 503; as the reference supervisor
//	/livez     200 while the event loop answers: restart opampd otherwise
//	/startupz  200 once the first decision was made
//	/readyz    200 while the Collector runs and is healthy
//
// A 503 has one line of text. Other paths are 404, other methods than GET and HEAD 405.
func Serve(ctx context.Context, s Settings) error {
	listener := s.Listener
	if listener == nil {
		var config net.ListenConfig
		var err error
		if listener, err = config.Listen(ctx, "tcp", s.Endpoint); err != nil {
			return fmt.Errorf("serve the healthcheck: %w; choose another healthcheck.endpoint", err)
		}
	}
	server := newServer(s)
	stopped := make(chan struct{})
	ended := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // somebody connected and is silent, or does not read its answer
		}
	})
	err := serve(server, netutil.LimitListener(listener, maxConnections))
	if !ended() {
		<-stopped
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the healthcheck on %s: %w", listener.Addr(), err)
	}
	return nil
}

func serve(server *http.Server, listener net.Listener) error {
	if server.TLSConfig != nil {
		return server.ServeTLS(listener, "", "") //nolint:wrapcheck // Serve does
	}
	return server.Serve(listener) //nolint:wrapcheck // Serve does
}

// newServer is bounded in everything that a stranger chooses. Connections are not kept: probes are seconds apart, and
// idle ones would fill the few places there are.
func newServer(s Settings) *http.Server {
	server := &http.Server{
		Handler: routes(s.State), TLSConfig: s.TLS,
		ReadTimeout: ioTimeout, WriteTimeout: ioTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: zap.NewStdLog(zap.NewNop()), // strangers who fail at TLS are no news
	}
	server.SetKeepAlivesEnabled(false)
	return server
}
