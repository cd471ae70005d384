package testkit

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// testAgent speaks either transport, one message at a time.
type testAgent struct {
	uid    uuid.UUID
	seq    uint64
	server *Server
	ws     *websocket.Conn // nil for plain HTTP
}

func newAgent(t *testing.T, s *Server) *testAgent {
	t.Helper()
	uid, err := uuid.NewV7()
	require.NoError(t, err)
	return &testAgent{uid: uid, server: s}
}

// connect dials; a refusal is an error.
func (a *testAgent) connect(t *testing.T) error {
	t.Helper()
	ws, response, err := websocket.DefaultDialer.DialContext(t.Context(), a.server.WebSocketURL(), http.Header{"X-Test": {"yes"}})
	if response != nil {
		_ = response.Body.Close()
	}
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	a.ws = ws
	return nil
}

func dial(t *testing.T, s *Server) *testAgent {
	t.Helper()
	a := newAgent(t, s)
	require.NoError(t, a.connect(t))
	return a
}

// fill completes and encodes the next message.
func (a *testAgent) fill(t *testing.T, m *protobufs.AgentToServer) []byte {
	t.Helper()
	if m == nil {
		m = &protobufs.AgentToServer{}
	}
	m.InstanceUid, m.SequenceNum = a.uid[:], a.seq
	if m.Capabilities == 0 {
		m.Capabilities = 0x7fff
	}
	a.seq++
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	return data
}

func (a *testAgent) send(t *testing.T, m *protobufs.AgentToServer) {
	t.Helper()
	require.NoError(t, a.ws.WriteMessage(websocket.BinaryMessage, append([]byte{0}, a.fill(t, m)...)))
}

// frame reads one frame as it is.
func (a *testAgent) frame(t *testing.T) (int, []byte, error) {
	t.Helper()
	require.NoError(t, a.ws.SetReadDeadline(time.Now().Add(Patience)))
	return a.ws.ReadMessage()
}

func (a *testAgent) receive(t *testing.T) *protobufs.ServerToAgent {
	t.Helper()
	_, data, err := a.frame(t)
	require.NoError(t, err)
	require.NotEmpty(t, data)
	require.Zero(t, data[0], "header")
	m := &protobufs.ServerToAgent{}
	require.NoError(t, proto.Unmarshal(data[1:], m))
	return m
}

// posted is the response to a message by plain HTTP.
type posted struct {
	status int
	header http.Header
	body   []byte
}

// request makes the next message a request of plain HTTP.
func (a *testAgent) request(t *testing.T, m *protobufs.AgentToServer) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.server.HTTPURL(), bytes.NewReader(a.fill(t, m)))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-protobuf")
	return request
}

// do sends a request on a connection of its own.
func do(request *http.Request) (posted, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: Patience}
	response, err := client.Do(request)
	if err != nil {
		return posted{}, fmt.Errorf("post: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return posted{response.StatusCode, response.Header, body}, err
}

// ask sends by whichever transport and returns the answer.
func (a *testAgent) ask(t *testing.T, m *protobufs.AgentToServer) *protobufs.ServerToAgent {
	t.Helper()
	if a.ws != nil {
		a.send(t, m)
		return a.receive(t)
	}
	response, err := do(a.request(t, m))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.status)
	answer := &protobufs.ServerToAgent{}
	require.NoError(t, proto.Unmarshal(response.body, answer))
	return answer
}

// eachTransport runs the test with an agent on a WebSocket and with one on plain HTTP.
func eachTransport(t *testing.T, opts []Option, test func(t *testing.T, s *Server, a *testAgent)) {
	t.Helper()
	t.Run("websocket", func(t *testing.T) {
		t.Parallel()
		s := NewServer(t, opts...)
		test(t, s, dial(t, s))
	})
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		s := NewServer(t, opts...)
		test(t, s, newAgent(t, s))
	})
}

func report(hash []byte, status protobufs.RemoteConfigStatuses) *protobufs.AgentToServer {
	return &protobufs.AgentToServer{RemoteConfigStatus: &protobufs.RemoteConfigStatus{LastRemoteConfigHash: hash, Status: status}}
}

// spy is a testing.TB that keeps failures to itself.
type spy struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (*spy) Helper() {}

func (s *spy) Error(args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, fmt.Sprint(args...))
}

func (s *spy) Fatalf(format string, args ...any) {
	s.Error(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// fails runs fn, which is to fail, and returns how it did.
func fails(t *testing.T, fn func(tb testing.TB)) string {
	t.Helper()
	s := &spy{TB: t}
	var done sync.WaitGroup
	done.Go(func() { fn(s) })
	done.Wait()
	require.Len(t, s.failures, 1)
	return s.failures[0]
}

func TestAWaitThatIsNotMetTellsWhatCame(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	dial(t, s).ask(t, &protobufs.AgentToServer{Health: &protobufs.ComponentHealth{LastError: "port taken"}})
	never := func(*protobufs.AgentToServer) bool { return false }
	failure := fails(t, func(tb testing.TB) { s.WaitFor(tb, "the impossible", time.Millisecond, never) }) //nolint:thelper // not one
	assert.Contains(t, failure, "the impossible")
	assert.Contains(t, failure, `seq 0: healthy=false "port taken"`)
	failure = fails(t, func(tb testing.TB) { //nolint:thelper // not one
		s.WaitConnection(tb, "another", time.Millisecond, func(Connection) bool { return false })
	})
	assert.Contains(t, failure, "no connection within 1ms: another")
}
