package testkit

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// Server is a scripted OpAMP server for both transports on one port and any path. Its methods may be called from any goroutine.
// It answers every message (S-105), keeps all it receives, and checks the agent's manners when the test ends ([Invariant]).
type Server struct {
	addr    string
	options options
	board
	record    record
	mark      int // waits look at messages from here on
	states    map[string]*protobufs.AgentToServer
	lastAgent string
	live      liveParts
	plan      plan
}

// liveParts are what a stop takes away.
type liveParts struct {
	http  *http.Server
	links map[int]*link // the open WebSockets by the ID of their connection
	down  chan struct{} // closed by the stop
}

// plan is what the test wants the server to do.
type plan struct {
	offer    *protobufs.AgentRemoteConfig
	packages *protobufs.PackagesAvailable
	pending  []*protobufs.ServerToAgent // waits for the next message
	faults   []*planned
	script   func(Message, *protobufs.ServerToAgent) *protobufs.ServerToAgent
	asked    map[string]bool // sessions whose full state was asked for
	offered  map[string]bool // session and hash of offers made
	faulty   bool            // a fault happened since the last message
}

type options struct {
	addr         string
	naive        bool
	tls          *tls.Config
	capabilities uint64
	except       []Invariant
}

// Option changes a [Server].
type Option func(*options)

// At makes the server listen on a given host:port instead of a free port of 127.0.0.1.
func At(addr string) Option { return func(o *options) { o.addr = addr } }

// Naive makes the server send its offers in every answer, as simple servers do; S-122 says that this is no change.
func Naive() Option { return func(o *options) { o.naive = true } }

// WithTLS makes the server speak TLS.
func WithTLS(config *tls.Config) Option { return func(o *options) { o.tls = config } }

// WithCapabilities sets the ServerCapabilities bits; all that v0.23.0 of the protocol's library knows are set otherwise.
func WithCapabilities(bits uint64) Option { return func(o *options) { o.capabilities = bits } }

// Except leaves out checks that a test breaks on purpose.
func Except(invariants ...Invariant) Option {
	return func(o *options) { o.except = append(o.except, invariants...) }
}

const allServerCapabilities = 0x7f

// NewServer starts a server. When the test ends it is stopped and each breach of an [Invariant] fails the test; start the agent
// after it, so that the agent's end is seen too.
func NewServer(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s := &Server{
		options: options{addr: "127.0.0.1:0", capabilities: allServerCapabilities},
		record:  record{offered: map[string]bool{}},
		states:  map[string]*protobufs.AgentToServer{},
		plan:    plan{asked: map[string]bool{}, offered: map[string]bool{}},
	}
	for _, opt := range opts {
		opt(&s.options)
	}
	addr, release := reserve(tb, s.options.addr)
	s.addr = addr
	s.Start(tb)
	tb.Cleanup(func() {
		s.Stop()
		release()
		for _, breach := range s.Breaches() {
			tb.Error("the agent broke " + breach)
		}
	})
	return s
}

// Addr is the host:port, the same over stops and starts.
func (s *Server) Addr() string { return s.addr }

// WebSocketURL is the endpoint for the WebSocket transport.
func (s *Server) WebSocketURL() string { return s.url("ws") }

// HTTPURL is the endpoint for plain HTTP.
func (s *Server) HTTPURL() string { return s.url("http") }

func (s *Server) url(scheme string) string {
	if s.options.tls != nil {
		scheme += "s"
	}
	return scheme + "://" + s.addr + "/v1/opamp"
}

// Start listens again after [Server.Stop]. A test that ends the server for good need not call it.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", s.addr)
	require.NoError(tb, err, "start the OpAMP server")
	if s.options.tls != nil {
		listener = tls.NewListener(listener, s.options.tls)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: Patience,
		ErrorLog:          zap.NewStdLog(zap.NewNop()),
	}
	s.update(func() {
		s.live = liveParts{http: server, links: map[int]*link{}, down: make(chan struct{})}
	})
	go func() { _ = server.Serve(listener) }()
}

// Stop ends the server as a crash would: the port is closed, and every connection without a word. Connecting is refused until
// [Server.Start]. Stopping twice is harmless.
func (s *Server) Stop() {
	s.update(func() {
		if s.live.http == nil {
			return
		}
		close(s.live.down)
		_ = s.live.http.Close()
		for _, l := range s.live.links {
			_ = l.ws.NetConn().Close()
		}
		s.live.http, s.live.links = nil, nil
		s.plan.faulty = true
		s.record.ended = time.Now()
	})
}

// Mark makes the waits look only at messages that arrive from now on.
func (s *Server) Mark() {
	s.update(func() { s.mark = len(s.record.msgs) })
}

// Connections returns what is known of each connection so far, oldest first.
func (s *Server) Connections() []Connection {
	var all []Connection
	s.read(func() { all = slices.Clone(s.record.conns) })
	return all
}

// Messages returns every message so far, oldest first; they are not to be changed.
func (s *Server) Messages() []Message {
	var all []Message
	s.read(func() { all = slices.Clone(s.record.msgs) })
	return all
}

// State returns the state of the agent heard from last, put together from all its messages; empty before the first.
func (s *Server) State() *protobufs.AgentToServer {
	state := &protobufs.AgentToServer{}
	s.read(func() {
		if known := s.states[s.lastAgent]; known != nil {
			state = clone(known)
		}
	})
	return state
}

// Script changes the server's answers: it is given each message and the answer that would be sent, and returns the one to send,
// nil for none. It runs while the server is locked, so it must not call it. A nil script changes nothing.
func (s *Server) Script(script func(Message, *protobufs.ServerToAgent) *protobufs.ServerToAgent) {
	s.update(func() { s.plan.script = script })
}
