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
	"github.com/open-telemetry/opamp-go/server"
	"github.com/open-telemetry/opamp-go/server/types"

	"opampd/supervisor/internal/core"
)

const path = "/v1/opamp"

// The Collector's extension sends a heartbeat each 30 s and reconnects with a
// backoff of at most 90 s (60 s and half of it).
const (
	silentAfter    = 95 * time.Second  // three heartbeats
	lostAfter      = 120 * time.Second // no session
	handoverWait   = 2 * time.Second   // for the old session of a reloading Collector to close
	headerTimeout  = 5 * time.Second
	maxHeaderBytes = 16 << 10
)

// Settings is what the lane works with.
type Settings struct {
	Listener net.Listener
	Post     func(core.Event)
	Rendered func() ([]byte, error) // the configuration in force as it was rendered, to redact by
}

// Lane serves the link.
type Lane struct {
	Settings
	http *http.Server
	done chan struct{}

	// mu guards the session: the OpAMP server calls back on a goroutine for each
	// connection, and answers are due before the callback returns.
	mu      sync.Mutex
	run     core.RunID
	token   string
	session *session
	quiet   *time.Timer
	custom  *protobufs.CustomCapabilities
}

// session is one connection of the extension.
type session struct {
	run    core.RunID
	conn   types.Connection
	gone   chan struct{}
	met    bool   // a description was seen
	marker string // the configuration that it runs
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

// New starts to serve. Nobody is let in before core.Expect names whom.
func New(s Settings) (*Lane, error) {
	l := &Lane{Settings: s, done: make(chan struct{})}
	handle, withConn, err := server.New(nil).Attach(server.Settings{Callbacks: types.Callbacks{OnConnecting: l.connecting}})
	if err != nil {
		return nil, fmt.Errorf("set up the local link: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc(path, handle)
	l.http = &http.Server{Handler: mux, ConnContext: withConn, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: maxHeaderBytes}
	go func() {
		defer close(l.done)
		_ = l.http.Serve(s.Listener) // ends with Close
	}()
	return l, nil
}

// Close ends the session and the listener.
func (l *Lane) Close() {
	_ = l.http.Close()
	l.mu.Lock()
	if l.quiet != nil {
		l.quiet.Stop()
	}
	if l.session != nil {
		_ = l.session.conn.Disconnect()
	}
	l.mu.Unlock()
	<-l.done
}

// Run carries out core.Expect, core.Forward and core.ForwardCapabilities.
func (l *Lane) Run(ctx context.Context, cmd core.Command) {
	switch cmd := cmd.(type) {
	case core.Expect:
		l.expect(cmd)
	case core.Forward:
		l.send(ctx, &protobufs.ServerToAgent{CustomMessage: &protobufs.CustomMessage{
			Capability: cmd.Message.Capability, Type: cmd.Message.Type, Data: []byte(cmd.Message.Data),
		}})
	case core.ForwardCapabilities:
		l.mu.Lock()
		l.custom = &protobufs.CustomCapabilities{Capabilities: words(cmd.List)}
		l.mu.Unlock()
		l.send(ctx, &protobufs.ServerToAgent{CustomCapabilities: l.custom})
	}
}

func (l *Lane) expect(cmd core.Expect) {
	if cmd.Token == "" {
		cmd.Token = newToken()
	}
	l.mu.Lock()
	l.run, l.token = cmd.Run, cmd.Token
	if l.session != nil { // of a process that is gone
		_ = l.session.conn.Disconnect()
	}
	l.listenFor(lostAfter)
	l.mu.Unlock()
	l.Post(core.Expecting(cmd))
}

// newToken returns 256 random bits. rand.Read never fails (Go 1.24).
func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// listenFor arms the alarm for a Collector that says nothing. The caller holds mu.
func (l *Lane) listenFor(d time.Duration) {
	if l.quiet != nil {
		l.quiet.Stop()
	}
	run := l.run
	l.quiet = time.AfterFunc(d, func() { l.Post(core.AgentSilent{Run: run}) })
}

func (l *Lane) send(ctx context.Context, msg *protobufs.ServerToAgent) {
	l.mu.Lock()
	s := l.session
	l.mu.Unlock()
	if s != nil {
		_ = s.conn.Send(ctx, msg) // a broken session reports itself by closing
	}
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == '\n' })
}
