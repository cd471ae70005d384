package opampclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// got is one message that the fake server received.
type got struct {
	*protobufs.AgentToServer
	at      time.Time
	session int // the connection it came by; on HTTP the number of refusals before it
	header  http.Header
	refused int // HTTP requests refused unread before it
}

// reply is what the fake server does about a message; the zero value acknowledges it.
type reply struct {
	message   *protobufs.ServerToAgent
	swallow   bool   // WebSocket: no answer; HTTP: an answer that never comes
	raw       []byte // instead of a message, verbatim
	kind      int    // of the WebSocket message
	closeCode int    // WebSocket: close with it
	status    int    // HTTP
	header    http.Header
}

// fakeServer is an OpAMP server on in-memory connections that does what a test tells it to.
type fakeServer struct {
	t        *testing.T
	answer   func(n int, m *protobufs.AgentToServer) reply     // n counts from 0
	gate     func(w http.ResponseWriter, r *http.Request) bool // false: it has dealt with the request
	listener *pipeListener
	stop     chan struct{}

	mu       sync.Mutex
	messages []got
	opened   []time.Time // connections or, on HTTP, requests
	live     int
	most     int // connections or requests at once
	sessions int
	closes   []int // close codes received
	pings    int
	refused  int
	push     chan *protobufs.ServerToAgent
}

func newFakeServer(t *testing.T) *fakeServer {
	t.Helper()
	return &fakeServer{
		t: t, listener: &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})},
		stop: make(chan struct{}), push: make(chan *protobufs.ServerToAgent, 100),
	}
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.opened = append(f.opened, time.Now())
	f.live++
	f.most = max(f.most, f.live)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.live--
		f.mu.Unlock()
	}()
	if f.gate != nil && !f.gate(w, r) {
		f.next()
		if !websocket.IsWebSocketUpgrade(r) {
			f.mu.Lock()
			f.refused++
			f.mu.Unlock()
		}
		return
	}
	if websocket.IsWebSocketUpgrade(r) {
		f.serveWS(w, r)
	} else {
		f.serveHTTP(w, r)
	}
}

// next begins another session: a full report is due.
func (f *fakeServer) next() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions++
}

func (f *fakeServer) serveWS(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{EnableCompression: true}
	ws, err := upgrader.Upgrade(w, r, nil)
	if !assert.NoError(f.t, err) {
		return
	}
	f.next()
	defer func() { _ = ws.Close() }()
	var writing sync.Mutex
	write := func(kind int, data []byte) {
		writing.Lock()
		defer writing.Unlock()
		_ = ws.WriteMessage(kind, data)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case m := <-f.push:
				write(websocket.BinaryMessage, wire(f.t, m))
			case <-f.stop:
				_ = ws.Close()
				return
			case <-ended:
				return
			}
		}
	}()
	ws.SetPingHandler(func(data string) error {
		f.mu.Lock()
		f.pings++
		f.mu.Unlock()
		return ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil {
			f.closed(err)
			return
		}
		assert.Equal(f.t, websocket.BinaryMessage, kind, "S-004")
		if !assert.NotEmpty(f.t, data) || !assert.Zero(f.t, data[0], "S-005") {
			return
		}
		rep := f.receive(data[1:], r.Header)
		switch {
		case rep.closeCode != 0:
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(rep.closeCode, ""), time.Now().Add(time.Second))
		case rep.raw != nil:
			write(max(rep.kind, websocket.TextMessage), rep.raw)
		case !rep.swallow:
			write(websocket.BinaryMessage, wire(f.t, rep.message))
		}
	}
}

func (f *fakeServer) closed(err error) {
	code := 0
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		code = closed.Code
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes = append(f.closes, code)
}

func (f *fakeServer) serveHTTP(w http.ResponseWriter, r *http.Request) {
	assert.Equal(f.t, "application/x-protobuf", r.Header.Get("Content-Type"), "S-024")
	assert.Positive(f.t, r.ContentLength, "G-32")
	data, err := io.ReadAll(r.Body)
	if !assert.NoError(f.t, err) {
		return
	}
	rep := f.receive(data, r.Header)
	if rep.swallow {
		select {
		case <-f.stop:
		case <-r.Context().Done():
		}
		f.next()
		return
	}
	maps.Copy(w.Header(), rep.header)
	if rep.status != 0 && rep.status != 200 || rep.raw != nil {
		f.next()
	}
	if rep.status != 0 {
		w.WriteHeader(rep.status)
	}
	if rep.raw != nil {
		_, _ = w.Write(rep.raw)
		return
	}
	select {
	case m := <-f.push:
		rep.message = m
	default:
	}
	_, _ = w.Write(wire(f.t, rep.message)[1:])
}

func (f *fakeServer) receive(data []byte, header http.Header) reply {
	m := &protobufs.AgentToServer{}
	assert.NoError(f.t, proto.Unmarshal(data, m), "S-085")
	f.mu.Lock()
	n := len(f.messages)
	f.messages = append(f.messages, got{AgentToServer: m, at: time.Now(), session: f.sessions, header: header, refused: f.refused})
	f.mu.Unlock()
	rep := reply{}
	if f.answer != nil {
		rep = f.answer(n, m)
	}
	if rep.message == nil {
		rep.message = &protobufs.ServerToAgent{}
	}
	if rep.message.InstanceUid == nil {
		rep.message.InstanceUid = m.GetInstanceUid()
	}
	return rep
}

// all are the messages so far.
func (f *fakeServer) all() []got {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]got(nil), f.messages...)
}

func (f *fakeServer) openings() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Time(nil), f.opened...)
}

func (f *fakeServer) closeCodes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int(nil), f.closes...)
}

// wire is a frame as the server sends it.
func wire(t *testing.T, m *protobufs.ServerToAgent) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, m)
	assert.NoError(t, err)
	return data
}

// pipeListener makes an http.Server serve net.Pipe connections, on which the clock of a synctest bubble is the only one.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// world is a client, its server, and what the client's callbacks were called with.
type world struct {
	t         *testing.T
	transport string
	server    *fakeServer
	settings  Settings
	client    *Client
	stopped   bool
	lossy     bool // the server does not see all that happens

	mu        sync.Mutex
	connected int
	losses    []loss
	received  []*protobufs.ServerToAgent
	problems  []string
	onMessage func(*protobufs.ServerToAgent)
}

type loss struct {
	err  error
	wait time.Duration
	at   time.Time
}

const allBits = 0x1 | 0x2 | 0x4 | 0x800 | 0x1000 | 0x2000 | 0x4000 | 0x8000

func testUID() [16]byte { return [16]byte{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 16} }

// on runs a test of the protocol over the named transports, each in a bubble with a clock of its own, and checks
// afterwards what must hold in any case.
func on(t *testing.T, transports []string, test func(w *world)) {
	t.Helper()
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, transport: transport, server: newFakeServer(t)}
				w.settings = Settings{URL: transport + "://opamp.test", UID: testUID(), Capabilities: allBits, Proxy: noProxy}
				httpServer := &http.Server{Handler: w.server, ReadHeaderTimeout: time.Hour}
				go func() { _ = httpServer.Serve(w.server.listener) }()
				test(w)
				w.finish()
				close(w.server.stop)
				_ = httpServer.Close()
				synctest.Wait()
				w.checkInvariants()
			})
		})
	}
}

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

func both() []string { return []string{"ws", "http"} }

// make creates the client, but does not run it.
func (w *world) make() *Client {
	w.t.Helper()
	c, err := New(w.settings, Events{
		Connected: func() { w.locked(func() { w.connected++ }) },
		Disconnected: func(err error, wait time.Duration) {
			w.locked(func() { w.losses = append(w.losses, loss{err, wait, time.Now()}) })
		},
		Message: func(m *protobufs.ServerToAgent) {
			w.locked(func() { w.received = append(w.received, m) })
			if w.onMessage != nil {
				w.onMessage(m)
			}
		},
		Problem: func(line string) { w.locked(func() { w.problems = append(w.problems, line) }) },
	})
	require.NoError(w.t, err)
	c.dial = w.server.listener.dial
	w.client = c
	return c
}

func (w *world) locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// start runs the client with a whole report, and waits until it is idle.
func (w *world) start() *Client {
	w.t.Helper()
	c := w.client
	if c == nil {
		c = w.make()
	}
	c.Set(fullReport())
	c.SendConfigStatus(status("start", protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED))
	go func() { assert.NoError(w.t, c.Run(w.t.Context())) }()
	synctest.Wait()
	return c
}

// pass lets time pass in the bubble, and everything happen that is due until then.
func (w *world) pass(d time.Duration) {
	w.locked(func() {}) // orders what the test has read before what the callbacks write next
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) stop(final *protobufs.ComponentHealth) error {
	w.locked(func() { w.stopped = true })
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	err := w.client.Stop(ctx, final)
	synctest.Wait()
	return err
}

func (w *world) finish() {
	if w.client != nil && !w.stopped {
		_ = w.stop(nil)
	}
}

// checkInvariants holds what every test must respect, whatever it is about.
func (w *world) checkInvariants() {
	if w.lossy {
		return
	}
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	assert.LessOrEqual(w.t, w.server.most, 1, "one connection or request at a time (S-101, S-023)")
	var goodbye *got
	for i, m := range w.server.messages {
		assert.EqualValues(w.t, i+m.refused, m.GetSequenceNum(), "S-050")
		assert.Len(w.t, m.GetInstanceUid(), 16, "S-042")
		assert.NotZero(w.t, m.GetCapabilities()&1, "S-054")
		assert.Zero(w.t, m.GetCapabilities()&^0xffff, "S-301")
		if goodbye != nil {
			assert.NotEqual(w.t, goodbye.session, m.session, "nothing follows AgentDisconnect (S-056)")
			goodbye = nil
		}
		if m.GetAgentDisconnect() != nil {
			goodbye = &w.server.messages[i]
		}
	}
}

func fullReport() Report {
	return Report{
		Description: &protobufs.AgentDescription{IdentifyingAttributes: []*protobufs.KeyValue{text("service.name", "otelcol")}},
		Health:      &protobufs.ComponentHealth{Healthy: true, Status: "StatusOK"},
		EffectiveConfig: &protobufs.EffectiveConfig{ConfigMap: &protobufs.AgentConfigMap{
			ConfigMap: map[string]*protobufs.AgentConfigFile{"": {Body: bytes.Repeat([]byte("a"), 100)}},
		}},
		AvailableComponents: &protobufs.AvailableComponents{
			Hash:       []byte("components"),
			Components: map[string]*protobufs.ComponentDetails{"receivers": {}},
		},
		CustomCapabilities:       &protobufs.CustomCapabilities{Capabilities: []string{"io.example"}},
		ConnectionSettingsStatus: &protobufs.ConnectionSettingsStatus{LastConnectionSettingsHash: []byte("settings")},
	}
}

func text(key, value string) *protobufs.KeyValue {
	return &protobufs.KeyValue{Key: key, Value: &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: value}}}
}

func status(hash string, s protobufs.RemoteConfigStatuses) *protobufs.RemoteConfigStatus {
	return &protobufs.RemoteConfigStatus{LastRemoteConfigHash: []byte(hash), Status: s}
}

func health(last string) Report {
	return Report{Health: &protobufs.ComponentHealth{LastError: last}}
}

// isFull says whether a message has all that fullReport has.
func isFull(m got) bool {
	return m.GetAgentDescription() != nil && m.GetHealth() != nil && m.GetEffectiveConfig() != nil &&
		m.GetRemoteConfigStatus() != nil && m.GetAvailableComponents() != nil && m.GetCustomCapabilities() != nil &&
		m.GetConnectionSettingsStatus() != nil
}

// isBare says whether a message has nothing but what every message has.
func isBare(m got) bool {
	return proto.Equal(m.AgentToServer, &protobufs.AgentToServer{
		InstanceUid: m.GetInstanceUid(), SequenceNum: m.GetSequenceNum(), Capabilities: m.GetCapabilities(),
	})
}
