package upstream

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/core"
)

const (
	uid = "018f2f3e-0000-7000-8000-000000000001"
	// patience is for what happens at once on an idle machine.
	patience = 30 * time.Second
)

// server is an OpAMP server in a few lines.
type server struct {
	url     string
	heard   chan *protobufs.AgentToServer
	clients chan *websocket.Conn
	mu      sync.Mutex
	answer  *protobufs.ServerToAgent // to each message
}

func newServer(t *testing.T, answer *protobufs.ServerToAgent) *server {
	t.Helper()
	s := &server{heard: make(chan *protobufs.AgentToServer, 1000), clients: make(chan *websocket.Conn, 100), answer: answer}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = "ws" + strings.TrimPrefix(h.URL, "http") + "/v1/opamp"
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var u websocket.Upgrader
	ws, err := u.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close() //nolint:errcheck // nothing was promised
	s.clients <- ws
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil || len(frame) == 0 {
			return
		}
		m := &protobufs.AgentToServer{}
		if proto.Unmarshal(frame[1:], m) != nil {
			return
		}
		s.heard <- m
		if s.answer != nil && s.say(ws, s.answer) != nil {
			return
		}
	}
}

func (s *server) say(ws *websocket.Conn, m *protobufs.ServerToAgent) error {
	frame, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return ws.WriteMessage(websocket.BinaryMessage, frame)
}

func (s *server) next(t *testing.T) *protobufs.AgentToServer {
	t.Helper()
	select {
	case m := <-s.heard:
		return m
	case <-time.After(patience):
		require.Fail(t, "nothing was said to the server")
		return nil
	}
}

func (s *server) client(t *testing.T) *websocket.Conn {
	t.Helper()
	select {
	case ws := <-s.clients:
		return ws
	case <-time.After(patience):
		require.Fail(t, "nobody connected")
		return nil
	}
}

// bench is a lane with all that it does to others.
type bench struct {
	*Lane
	events chan core.Event
	mu     sync.Mutex
	warned []string
	blobs  []string
	full   bool
}

func allGranted() Grants {
	return Grants{
		RemoteConfig: true, Restart: true, Effective: true, Health: true, Components: true,
		OwnMetrics: true, OwnTraces: true, OwnLogs: true, Heartbeat: true,
	}
}

func newBench(t *testing.T, url string, grants Grants) *bench {
	t.Helper()
	b := &bench{events: make(chan core.Event, 1000)}
	b.Lane = New(Settings{
		URL: url, Grants: grants,
		PutBlob: func(body []byte) (string, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.full {
				return "", errors.New("no space left on device")
			}
			b.blobs = append(b.blobs, string(body))
			return "sha", nil
		},
		Post: func(ev core.Event) { b.events <- ev },
		Warn: func(message string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.warned = append(b.warned, message)
		},
		Disconnected: func(error, time.Duration) {},
	})
	t.Cleanup(b.Close)
	return b
}

// join connects and publishes a first report.
func (b *bench) join(t *testing.T) *bench {
	t.Helper()
	b.Run(t.Context(), core.Connect{UID: uid})
	b.Run(t.Context(), core.Publish{Report: core.Report{UID: uid, Name: "otelcol", Version: "1"}})
	return b
}

func (b *bench) next(t *testing.T) core.Event {
	t.Helper()
	select {
	case ev := <-b.events:
		return ev
	case <-time.After(patience):
		require.Fail(t, "no event")
		return nil
	}
}

func (b *bench) warnings() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.warned, "\n")
}

// hears is what a lane posts of one message.
func (b *bench) hears(m *protobufs.ServerToAgent) []core.Event {
	b.hear(m)
	var events []core.Event
	for len(b.events) > 0 {
		events = append(events, <-b.events)
	}
	return events
}

func remote(hash string, files map[string]string) *protobufs.AgentRemoteConfig {
	c := &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{}}
	for name, body := range files {
		c.ConfigMap[name] = &protobufs.AgentConfigFile{Body: []byte(body), ContentType: "text/yaml"}
	}
	return &protobufs.AgentRemoteConfig{Config: c, ConfigHash: []byte(hash)}
}
