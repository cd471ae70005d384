package devserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/opampserver"
)

// Not parallel: it looks at all goroutines of the package.
func TestRunLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // see above
	r := start(t, map[string]string{"a.yaml": "x: 1"})
	ws, poller := dial(t, r.addr), newTestAgent(t, r.addr)
	ws.ask(t, hello())
	poller.ask(t, hello())
	require.NoError(t, r.stop())

	_, _, err := ws.ws.ReadMessage()
	assert.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), "the agent is told: %v", err)
	_, err = new(net.Dialer).DialContext(t.Context(), "tcp", r.addr)
	require.Error(t, err, "the port is free")
	stacks := make([]byte, 1<<20)
	mine := strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "devserver.Run(")
	assert.Zero(t, mine)
	assert.NotContains(t, string(stacks), "endpoint")
	assert.NotContains(t, string(stacks), "fsnotify")
}

func TestAnAddressInUseIsExplained(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	err = Run(t.Context(), Settings{Dir: t.TempDir(), Listen: taken.Addr().String()}, nil)
	require.ErrorContains(t, err, taken.Addr().String()+" is in use by another process; stop it or choose another address with --listen")
}

func TestADirectoryThatCannotBeMadeIsExplained(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err := Run(t.Context(), Settings{Dir: filepath.Join(file, "fleet"), Listen: "127.0.0.1:0"}, nil)
	require.ErrorContains(t, err, "choose another with --dir")
}

func TestAnEndedContextEndsRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.NoError(t, Run(ctx, Settings{Dir: t.TempDir(), Listen: "127.0.0.1:0"}, nil), "a server that was not broken ends well")
}

func TestAnUnusableUidIsRefusedAndNeverAPath(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		for _, uid := range []string{"../../../../etc/x", "short", strings.Repeat("\x00", 16)} {
			answer := a.ask(t, &protobufs.AgentToServer{InstanceUid: []byte(uid)})
			assert.Equal(t, protobufs.ServerErrorResponseType_ServerErrorResponseType_BadRequest, answer.GetErrorResponse().GetType())
		}
		entries, err := os.ReadDir(filepath.Join(r.dir, agentsDir))
		require.NoError(t, err)
		assert.Empty(t, entries)
		r.out.shows(t, "no usable instance_uid")
	})
}

func TestAFrameThatIsNotOpAMPEndsTheConnection(t *testing.T) {
	t.Parallel()
	for name, frame := range map[string]struct {
		kind int
		data string
	}{"text": {websocket.TextMessage, "hello"}, "garbage": {websocket.BinaryMessage, "\x00\xff\xff\xff"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil)
			a := dial(t, r.addr)
			require.NoError(t, a.ws.WriteMessage(frame.kind, []byte(frame.data)))
			require.NoError(t, a.ws.SetReadDeadline(time.Now().Add(patience)))
			_, _, err := a.ws.ReadMessage()
			require.Error(t, err)
			r.out.shows(t, "is not OpAMP; connection closed")
		})
	}
}

func TestAMessageOverTheLimitEndsTheConnection(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := dial(t, r.addr)
	chunk := make([]byte, 1<<20)
	w, err := a.ws.NextWriter(websocket.BinaryMessage)
	require.NoError(t, err)
	for range opampserver.MaxMessage/len(chunk) + 2 {
		if _, err = w.Write(chunk); err != nil {
			break // closed already
		}
	}
	r.out.shows(t, "is larger than 64 MiB; connection closed")
}

func TestACompressedBodyOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	_, err := zip.Write(make([]byte, opampserver.MaxMessage+1))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	assert.Equal(t, http.StatusRequestEntityTooLarge, post(t, start(t, nil).addr, &bomb, "gzip"))
}

func TestABrokenBodyIsRefused(t *testing.T) {
	t.Parallel()
	addr := start(t, nil).addr
	assert.Equal(t, http.StatusBadRequest, post(t, addr, strings.NewReader("not gzip"), "gzip"))
	assert.Equal(t, http.StatusBadRequest, post(t, addr, strings.NewReader("\xff\xff"), ""))
}

func TestACompressedMessageIsRead(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := newTestAgent(t, r.addr)
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	_, err := zip.Write(a.encode(t, hello()))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	assert.Equal(t, http.StatusOK, post(t, r.addr, &body, "gzip"))
	r.out.shows(t, "connected (HTTP)")
}

func TestColorsAreForTerminals(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	assert.False(t, Colors(file))
	terminal, err := os.Open(os.DevNull) // a character device as well
	require.NoError(t, err)
	defer func() { _ = terminal.Close() }()
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	assert.True(t, Colors(terminal))
	t.Setenv("NO_COLOR", "1")
	assert.False(t, Colors(terminal))
}

// post returns the status of a plain HTTP message.
func post(t *testing.T, addr string, body interface{ Read([]byte) (int, error) }, encoding string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+Path, body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", encoding)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
