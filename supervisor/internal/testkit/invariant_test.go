package testkit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

func unmarshal(frame []byte, m proto.Message) error {
	return proto.Unmarshal(frame[1:], m)
}

// scene makes records for the checks: good manners, which each test breaks in one way.
type scene struct {
	record
	uid uuid.UUID
	now time.Time
}

func newScene() *scene {
	s := &scene{uid: uuid.Must(uuid.NewV7()), now: time.Unix(1000, 0)}
	s.offered = map[string]bool{"offered": true}
	return s
}

func (s *scene) open(transport Transport) int {
	s.conns = append(s.conns, Connection{ID: len(s.conns), Transport: transport, Opened: s.now})
	return len(s.conns) - 1
}

func (s *scene) say(conn int, m *protobufs.AgentToServer) *Message {
	s.now = s.now.Add(100 * time.Millisecond)
	s.ended = s.now
	if m == nil {
		m = &protobufs.AgentToServer{}
	}
	m.InstanceUid, m.Capabilities = s.uid[:], 1
	if n := len(s.msgs); n > 0 && s.conns[conn].Transport == s.conns[s.msgs[n-1].Conn].Transport {
		m.SequenceNum = s.msgs[n-1].GetSequenceNum() + 1
	}
	s.msgs = append(s.msgs, Message{AgentToServer: m, Conn: conn, At: s.now})
	return &s.msgs[len(s.msgs)-1]
}

func effective() *protobufs.AgentToServer {
	return &protobufs.AgentToServer{EffectiveConfig: &protobufs.EffectiveConfig{}}
}

func TestGoodMannersBreakNothing(t *testing.T) {
	t.Parallel()
	s := newScene()
	ws := s.open(WebSocket)
	s.say(ws, effective())
	s.say(ws, report([]byte("offered"), applying))
	s.say(ws, report([]byte("offered"), applied))
	s.say(ws, &protobufs.AgentToServer{AgentDisconnect: &protobufs.AgentDisconnect{}})
	s.conns[ws].Closed = s.now
	s.say(s.open(WebSocket), effective())
	assert.Empty(t, s.check(nil))
}

func TestEachBreachIsFound(t *testing.T) {
	t.Parallel()
	for invariant, breakIt := range map[Invariant]func(s *scene, conn int){
		UID:          func(s *scene, c int) { s.say(c, nil).InstanceUid = []byte("short") },
		Capabilities: func(s *scene, c int) { s.say(c, nil).Capabilities = 2 },
		Sequence:     func(s *scene, c int) { s.say(c, nil).SequenceNum += 2 },
		Farewell: func(s *scene, c int) {
			s.say(c, &protobufs.AgentToServer{AgentDisconnect: &protobufs.AgentDisconnect{}})
			s.say(c, nil)
		},
		NoRepeats: func(s *scene, c int) { s.say(c, effective()); s.say(c, effective()) },
		Health: func(s *scene, c int) {
			s.say(c, &protobufs.AgentToServer{Health: &protobufs.ComponentHealth{Healthy: true}})
		},
		Rate: func(s *scene, c int) {
			for range maxPerSecond + 1 {
				s.now = s.now.Add(-90 * time.Millisecond)
				s.say(c, nil)
			}
		},
	} {
		for _, transport := range []Transport{WebSocket, PlainHTTP} {
			t.Run(string(invariant)+" "+string(transport), func(t *testing.T) {
				t.Parallel()
				s := newScene()
				conn := s.open(transport)
				s.say(conn, nil)
				breakIt(s, conn)
				breaches := s.check(nil)
				require.Len(t, breaches, 1)
				assert.True(t, strings.HasPrefix(breaches[0], string(invariant)+": "), breaches[0])
				assert.Empty(t, s.check([]Invariant{invariant}), "unless excepted")
			})
		}
	}
}

func TestAVerdictWithoutApplyingIsABreachOnlyOfWhatWasOffered(t *testing.T) {
	t.Parallel()
	s := newScene()
	ws := s.open(WebSocket)
	s.say(ws, report([]byte("from an earlier life"), applied))
	assert.Empty(t, s.check(nil))
	s.say(ws, report([]byte("offered"), applied))
	assert.Len(t, s.check(nil), 1)
}

func TestTwoConnectionsOfOneAgentAreABreach(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.say(s.open(WebSocket), nil)
	s.say(s.open(WebSocket), nil)
	assert.Empty(t, s.check(nil), "the end of the first may still come")
	s.ended = s.now.Add(time.Minute)
	assert.Len(t, s.check(nil), 1)
	s.conns[0].Closed = s.now
	assert.Empty(t, s.check(nil))
}

func TestARepeatThatWasAskedForIsNone(t *testing.T) {
	t.Parallel()
	s := newScene()
	ws := s.open(WebSocket)
	s.say(ws, effective())
	s.say(ws, effective()).Asked = true
	assert.Empty(t, s.check(nil))
}

func TestPollsMayBeRepeatedAfterAFault(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.say(s.open(PlainHTTP), nil)
	s.say(s.open(PlainHTTP), nil)
	again := s.say(s.open(PlainHTTP), nil)
	again.SequenceNum--
	assert.Len(t, s.check(nil), 1)
	again.AfterFault = true
	assert.Empty(t, s.check(nil))
}

func TestBadFramesAreABreach(t *testing.T) {
	t.Parallel()
	for name, frame := range map[string]struct {
		kind int
		data string
	}{
		"text":      {websocket.TextMessage, "hello"},
		"no header": {websocket.BinaryMessage, "\x01"},
		"not UTF-8": {websocket.BinaryMessage, "\x00\x2a\x05\x1a\x03a\xffb"}, // health.last_error
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watched := &spy{TB: t}
			s := NewServer(watched, Except(UID))
			a := dial(t, s)
			require.NoError(t, a.ws.WriteMessage(frame.kind, []byte(frame.data)))
			a.ask(t, nil)
			breaches := s.Breaches()
			require.Len(t, breaches, 1)
			assert.True(t, strings.HasPrefix(breaches[0], "encoding: "), breaches[0])
		})
	}
}

func TestAServerFailsTheTestOfARudeAgent(t *testing.T) {
	t.Parallel()
	watched := &spy{TB: t}
	t.Cleanup(func() { // runs after the server's own
		require.Len(t, watched.failures, 1)
		assert.Contains(t, watched.failures[0], "the agent broke capabilities: ")
	})
	dial(t, NewServer(watched)).ask(t, &protobufs.AgentToServer{Capabilities: 2})
}
