// Package local is the lane of the OpAMP link to our own Collector: one loopback
// listener, held for the life of the process, behind which the Collector's opamp
// extension is the only client. It turns what the extension says into events.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/core"
)

const path = "/v1/opamp"

// The Collector's extension sends a heartbeat each 30 s and reconnects with a
// backoff of at most 90 s (60 s and half of it).
const (
	silentAfter    = 95 * time.Second  // three heartbeats
	lostAfter      = 120 * time.Second // no session
	handoverWait   = 2 * time.Second   // for the old session of a reloading Collector to close
	headerTimeout  = 2 * time.Second   // for saying what is wanted; the Collector does in milliseconds
	requestTimeout = 5 * time.Second   // for all of a request, and more than handoverWait
	maxHeaderBytes = 16 << 10
)

// Settings is what the lane works with.
type Settings struct {
	Listener net.Listener
	Post     func(core.Event)
	Rendered func() ([]byte, error) // the configuration in force as it was rendered, to redact by
	Environ  []string               // the environment that was filled into it
}

// Lane serves the link.
type Lane struct {
	Settings
	http    *http.Server
	crowd   strangers
	quiet   *time.Timer    // runs out when nothing was heard for too long
	running sync.WaitGroup // the server, the watch over quiet, each connection
	stop    chan struct{}

	// mu guards what follows: each connection has a goroutine of its own, and answers
	// are due at once.
	mu      sync.Mutex
	closing bool
	run     core.RunID
	token   string
	session *session
	custom  *protobufs.CustomCapabilities
}

// Listen opens the listener of the link. prefer is the address of an earlier life,
// whose Collector may still call there, or empty; port 0 takes a free one. When the
// preferred address is taken, another one is used.
func Listen(ctx context.Context, prefer string, port int) (net.Listener, error) {
	var lc net.ListenConfig
	if host := strings.TrimSuffix(strings.TrimPrefix(prefer, "ws://"), path); prefer != "" {
		if l, err := lc.Listen(ctx, "tcp", host); err == nil {
			return l, nil
		}
	}
	l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("open the local link for the Collector: %w; choose another agent.opamp_server_port, or 0 for a free one", err)
	}
	return l, nil
}

// Endpoint is the URL under which the Collector finds the link.
func Endpoint(l net.Listener) string { return "ws://" + l.Addr().String() + path }

// New starts to serve, until Close. Nobody is let in before core.Expect names whom.
func New(s Settings) *Lane {
	l := &Lane{Settings: s, stop: make(chan struct{}), quiet: time.NewTimer(lostAfter)}
	l.quiet.Stop() // nobody is expected yet
	mux := http.NewServeMux()
	mux.HandleFunc(path, l.serve)
	l.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: maxHeaderBytes,
		ReadTimeout: requestTimeout, // of a body that never comes; a WebSocket is free of it
		ConnState:   l.crowd.state, ConnContext: l.crowd.context,
	}
	l.http.SetKeepAlivesEnabled(false)                    // who was refused has no more to say
	l.running.Go(func() { _ = l.http.Serve(s.Listener) }) // ends with Close
	l.running.Go(l.watch)
	return l
}

// Close ends the session and the listener, and returns when all goroutines of the
// lane have. It may be called again.
func (l *Lane) Close() {
	_ = l.http.Close()
	l.mu.Lock()
	if !l.closing {
		close(l.stop)
	}
	l.closing = true
	l.dismiss()
	l.mu.Unlock()
	l.running.Wait()
}

// watch posts that nothing was heard for too long.
func (l *Lane) watch() {
	for {
		select {
		case <-l.quiet.C:
			l.mu.Lock()
			run := l.run
			l.mu.Unlock()
			l.Post(core.AgentSilent{Run: run})
		case <-l.stop:
			l.quiet.Stop()
			return
		}
	}
}

// Run carries out core.Expect, core.Forward and core.ForwardCapabilities.
func (l *Lane) Run(_ context.Context, cmd core.Command) {
	if cmd, ok := cmd.(core.Expect); ok {
		l.expect(cmd)
	}
	if cmd, ok := cmd.(core.Forward); ok {
		l.send(&protobufs.ServerToAgent{CustomMessage: &protobufs.CustomMessage{
			Capability: cmd.Message.Capability, Type: cmd.Message.Type, Data: []byte(cmd.Message.Data),
		}})
	}
	if cmd, ok := cmd.(core.ForwardCapabilities); ok {
		custom := &protobufs.CustomCapabilities{Capabilities: words(cmd.List)}
		l.mu.Lock()
		l.custom = custom // for sessions to come
		l.mu.Unlock()
		l.send(&protobufs.ServerToAgent{CustomCapabilities: custom})
	}
}

func (l *Lane) expect(cmd core.Expect) {
	if cmd.Token == "" {
		cmd.Token = newToken()
	}
	l.mu.Lock()
	l.run, l.token = cmd.Run, cmd.Token
	l.dismiss() // the session of a process that is gone
	l.quiet.Reset(lostAfter)
	l.mu.Unlock()
	l.Post(core.Expecting(cmd))
}

// newToken returns 256 random bits. rand.Read never fails (Go 1.24).
func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// dismiss cuts the session off. The caller holds mu.
func (l *Lane) dismiss() {
	if l.session != nil {
		l.session.conn.Close()
	}
}

func (l *Lane) send(m *protobufs.ServerToAgent) {
	l.mu.Lock()
	s := l.session
	l.mu.Unlock()
	if s != nil {
		_ = s.conn.Send(m) // a broken session reports itself by closing
	}
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == '\n' })
}
