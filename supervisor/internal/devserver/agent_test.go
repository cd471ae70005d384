package devserver

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

const patience = 10 * time.Second

// screen is an io.Writer that can be waited on.
type screen struct {
	mu      sync.Mutex // the server writes, the test reads
	text    strings.Builder
	changed chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) snapshot() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.changed
}

// shows waits until the text appeared.
func (s *screen) shows(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		all, changed := s.snapshot()
		if strings.Contains(all, text) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			require.Contains(t, all, text, "not printed in time")
		}
	}
}

// running is a server under test.
type running struct {
	dir, addr string
	out       *screen
	stop      func() error
}

// start runs a server on a free port with the given files in config/; it is stopped with the test.
func start(t *testing.T, config map[string]string) *running {
	t.Helper()
	r := &running{dir: t.TempDir(), out: &screen{changed: make(chan struct{})}}
	require.NoError(t, os.MkdirAll(filepath.Join(r.dir, configDir), 0o700))
	for name, body := range config {
		r.write(t, filepath.Join(configDir, name), body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	addr, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, Settings{Dir: r.dir, Listen: "127.0.0.1:0", Out: r.out}, func(a string) { addr <- a })
	}()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = r.stop() })
	select {
	case r.addr = <-addr:
	case err := <-ended:
		require.NoError(t, err)
	}
	return r
}

func (r *running) write(t *testing.T, name, body string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), []byte(body), 0o600))
}

func (r *running) read(t *testing.T, uid uuid.UUID, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, agentsDir, uid.String(), name))
	require.NoError(t, err)
	return string(data)
}

// testAgent speaks one of the transports, message by message.
type testAgent struct {
	uid  uuid.UUID
	seq  uint64
	addr string
	ws   *websocket.Conn // nil for plain HTTP
}

const allCapabilities = uint64(0x7fff)

func newTestAgent(t *testing.T, addr string) *testAgent {
	t.Helper()
	uid, err := uuid.NewV7()
	require.NoError(t, err)
	return &testAgent{uid: uid, addr: addr}
}

// dial connects a new agent by WebSocket.
func dial(t *testing.T, addr string) *testAgent {
	t.Helper()
	a := newTestAgent(t, addr)
	a.redial(t)
	return a
}

// name is what the server calls it.
func (a *testAgent) name() string { return newAgent(a.uid, "").name() }

func (a *testAgent) redial(t *testing.T) {
	t.Helper()
	ws, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+a.addr+Path, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	t.Cleanup(func() { _ = ws.Close() })
	a.ws = ws
}

// hello is a first message.
func hello() *protobufs.AgentToServer {
	attribute := func(key, value string) *protobufs.KeyValue {
		return &protobufs.KeyValue{Key: key, Value: &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: value}}}
	}
	return &protobufs.AgentToServer{AgentDescription: &protobufs.AgentDescription{
		IdentifyingAttributes:    []*protobufs.KeyValue{attribute("service.name", "otelcol-lean"), attribute("service.version", "0.149.0")},
		NonIdentifyingAttributes: []*protobufs.KeyValue{attribute("host.name", "box")},
	}}
}

func status(hash []byte, s protobufs.RemoteConfigStatuses, why string) *protobufs.AgentToServer {
	return &protobufs.AgentToServer{RemoteConfigStatus: &protobufs.RemoteConfigStatus{LastRemoteConfigHash: hash, Status: s, ErrorMessage: why}}
}

// ask sends m, with uid, sequence number and capabilities filled in, and returns the answer.
func (a *testAgent) ask(t *testing.T, m *protobufs.AgentToServer) *protobufs.ServerToAgent {
	t.Helper()
	if a.ws != nil {
		a.send(t, m)
		return a.receive(t)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.addr+Path, bytes.NewReader(a.encode(t, m)))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return decode(t, body)
}

func (a *testAgent) send(t *testing.T, m *protobufs.AgentToServer) {
	t.Helper()
	require.NoError(t, a.ws.WriteMessage(websocket.BinaryMessage, append([]byte{0}, a.encode(t, m)...)))
}

func (a *testAgent) receive(t *testing.T) *protobufs.ServerToAgent {
	t.Helper()
	require.NoError(t, a.ws.SetReadDeadline(time.Now().Add(patience)))
	_, frame, err := a.ws.ReadMessage()
	require.NoError(t, err)
	return decode(t, frame[1:])
}

func (a *testAgent) encode(t *testing.T, m *protobufs.AgentToServer) []byte {
	t.Helper()
	if m.InstanceUid == nil {
		m.InstanceUid = a.uid[:]
	}
	if m.Capabilities == 0 {
		m.Capabilities = allCapabilities
	}
	m.SequenceNum = a.seq
	a.seq++
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	return data
}

func decode(t *testing.T, data []byte) *protobufs.ServerToAgent {
	t.Helper()
	m := &protobufs.ServerToAgent{}
	require.NoError(t, proto.Unmarshal(data, m))
	return m
}

// eachTransport runs the test once by WebSocket and once by plain HTTP.
func eachTransport(t *testing.T, config map[string]string, test func(t *testing.T, r *running, a *testAgent)) {
	t.Helper()
	t.Run("websocket", func(t *testing.T) {
		t.Parallel()
		r := start(t, config)
		test(t, r, dial(t, r.addr))
	})
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		r := start(t, config)
		test(t, r, newTestAgent(t, r.addr))
	})
}
