package testkit

import (
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	applying = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING
	applied  = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED
)

func files() map[string]string { return map[string]string{"a.yaml": "a: 1"} }

func TestEveryMessageIsAnswered(t *testing.T) {
	t.Parallel()
	eachTransport(t, []Option{WithCapabilities(5)}, func(t *testing.T, s *Server, a *testAgent) {
		t.Helper()
		answer := a.ask(t, nil)
		assert.Equal(t, a.uid[:], answer.GetInstanceUid())
		assert.Equal(t, uint64(5), answer.GetCapabilities())
		require.Len(t, s.Messages(), 1)
		assert.WithinDuration(t, time.Now(), s.Messages()[0].At, Patience)
	})
}

func TestConnectionsAreRecorded(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	a := dial(t, s)
	assert.Zero(t, s.WaitConnections(t, 1).Closed)
	require.NoError(t, a.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "")))
	closed := s.WaitConnection(t, "closed", Patience, func(c Connection) bool { return !c.Closed.IsZero() })
	assert.Equal(t, WebSocket, closed.Transport)
	assert.Equal(t, "/v1/opamp", closed.Path)
	assert.Equal(t, "yes", closed.Header.Get("X-Test"))
	assert.Equal(t, 1000, closed.Code)

	newAgent(t, s).ask(t, nil)
	second := s.WaitConnections(t, 2)
	assert.Equal(t, PlainHTTP, second.Transport)
}

func TestTheStateIsPutTogetherFromPartialMessages(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, s *Server, a *testAgent) {
		t.Helper()
		assert.Empty(t, s.State().GetInstanceUid())
		a.ask(t, &protobufs.AgentToServer{Health: &protobufs.ComponentHealth{LastError: "old", Status: "x"}})
		a.ask(t, &protobufs.AgentToServer{EffectiveConfig: &protobufs.EffectiveConfig{}})
		a.ask(t, &protobufs.AgentToServer{Health: &protobufs.ComponentHealth{LastError: "new"}})
		state := s.State()
		assert.NotNil(t, state.GetEffectiveConfig())
		assert.Equal(t, "new", state.GetHealth().GetLastError())
		assert.Empty(t, state.GetHealth().GetStatus(), "a changed part replaces the old one whole")
		assert.Equal(t, uint64(2), state.GetSequenceNum())
	})
}

func TestAnOfferReachesAnOpenWebSocketAtOnce(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	a := dial(t, s)
	a.ask(t, nil)
	hash := s.Offer(files())
	assert.Equal(t, hash, a.receive(t).GetRemoteConfig().GetConfigHash())
}

func TestAnOfferReachesWhoConnectsLater(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	hash := s.Offer(files())
	for _, connect := range []func(*testing.T, *Server) *testAgent{dial, newAgent} {
		a := connect(t, s)
		assert.Equal(t, hash, a.ask(t, nil).GetRemoteConfig().GetConfigHash())
		a.ask(t, report(hash, applying))
		assert.Nil(t, a.ask(t, report(hash, applied)).GetRemoteConfig(), "it has it")
		assert.Equal(t, applied, s.WaitStatus(t, hash, applied).GetStatus())
	}
}

func TestAnOfferIsMadeAgainOnANewConnection(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	hash := s.Offer(files())
	a := dial(t, s)
	require.NotNil(t, a.ask(t, nil).GetRemoteConfig())
	s.InjectNow(Hangup())
	_, _, err := a.frame(t)
	require.Error(t, err)
	require.NoError(t, a.connect(t))
	assert.Equal(t, hash, a.ask(t, nil).GetRemoteConfig().GetConfigHash())
}

func TestOnAWebSocketAnOfferIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	s.Offer(files())
	a := dial(t, s)
	require.NotNil(t, a.ask(t, nil).GetRemoteConfig())
	assert.Nil(t, a.ask(t, nil).GetRemoteConfig())
}

func TestANaiveServerRepeatsItsOffer(t *testing.T) {
	t.Parallel()
	eachTransport(t, []Option{Naive()}, func(t *testing.T, s *Server, a *testAgent) {
		t.Helper()
		if a.ws != nil {
			a.ask(t, nil)
		}
		hash := s.Offer(files())
		if a.ws != nil {
			a.receive(t)
		}
		a.ask(t, report(hash, applying))
		assert.NotNil(t, a.ask(t, report(hash, applied)).GetRemoteConfig())
		s.Withdraw()
		assert.Nil(t, a.ask(t, nil).GetRemoteConfig())
	})
}

func TestWhatIsOnItsWayWhenTheFullStateIsAskedForIsNotTheAnswer(t *testing.T) {
	t.Parallel()
	s := NewServer(t, Except(Farewell))
	a := dial(t, s)
	a.ask(t, nil)
	s.RequestFullState()
	a.receive(t)
	a.ask(t, nil)
	a.ask(t, &protobufs.AgentToServer{AgentDescription: &protobufs.AgentDescription{}})
	a.ask(t, nil)
	var asked []bool
	for _, m := range s.Messages() {
		asked = append(asked, m.Asked)
	}
	assert.Equal(t, []bool{false, true, true, false}, asked)
}

func TestPushesReachTheAgent(t *testing.T) {
	t.Parallel()
	for name, push := range map[string]struct {
		send func(*Server)
		came func(*protobufs.ServerToAgent) bool
	}{
		"restart":    {(*Server).Restart, func(m *protobufs.ServerToAgent) bool { return m.GetCommand() != nil }},
		"full state": {(*Server).RequestFullState, func(m *protobufs.ServerToAgent) bool { return m.GetFlags() == 1 }},
		"components": {(*Server).RequestComponents, func(m *protobufs.ServerToAgent) bool { return m.GetFlags() == 2 }},
		"custom": {
			func(s *Server) { s.SendCustom("org.x", "ping", []byte("1")) },
			func(m *protobufs.ServerToAgent) bool { return m.GetCustomMessage().GetType() == "ping" },
		},
		"own telemetry": {
			func(s *Server) { s.OfferOwnTelemetry("http://sink") },
			func(m *protobufs.ServerToAgent) bool {
				offer := m.GetConnectionSettings()
				return len(offer.GetHash()) == 32 && offer.GetOwnLogs().GetDestinationEndpoint() == "http://sink/v1/logs"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachTransport(t, nil, func(t *testing.T, s *Server, a *testAgent) {
				t.Helper()
				a.ask(t, nil)
				push.send(s)
				var got *protobufs.ServerToAgent
				if a.ws != nil {
					got = a.receive(t)
				} else {
					got = a.ask(t, nil)
				}
				assert.True(t, push.came(got), "%v", got)
				assert.Equal(t, a.uid[:], got.GetInstanceUid())
				assert.False(t, push.came(a.ask(t, nil)), "once")
			})
		})
	}
}

func TestAScriptChangesTheAnswers(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	s.Script(func(m Message, answer *protobufs.ServerToAgent) *protobufs.ServerToAgent {
		if m.GetSequenceNum() == 0 {
			return nil
		}
		answer.Flags = 2
		return answer
	})
	a := dial(t, s)
	a.send(t, nil)
	assert.Equal(t, uint64(2), a.ask(t, nil).GetFlags(), "the first answer is to the second message")
}

func TestWaitsSeeWhatCameSinceTheMark(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	a := dial(t, s)
	a.ask(t, &protobufs.AgentToServer{Health: &protobufs.ComponentHealth{Healthy: true, StartTimeUnixNano: 1}})
	assert.Equal(t, uint64(1), s.WaitHealthy(t, true).GetStartTimeUnixNano())
	s.Mark()
	a.send(t, &protobufs.AgentToServer{Health: &protobufs.ComponentHealth{Healthy: true, StartTimeUnixNano: 2}})
	assert.Equal(t, uint64(2), s.WaitHealthy(t, true).GetStartTimeUnixNano())
}

func TestAStoppedServerRefusesAndComesBackOnItsPort(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	a := dial(t, s)
	a.ask(t, nil)
	s.Stop()
	_, _, err := a.frame(t)
	require.Error(t, err)
	require.ErrorIs(t, a.connect(t), syscall.ECONNREFUSED)
	s.Start(t)
	require.NoError(t, a.connect(t))
	a.ask(t, nil)
	assert.Len(t, s.Connections(), 2)
}

func TestAServerListensWhereItIsTold(t *testing.T) {
	t.Parallel()
	addr, release := reserve(t, "127.0.0.1:0")
	release()
	assert.Equal(t, addr, NewServer(t, At(addr)).Addr())
}

func TestFaultsOfConnecting(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	s.Inject(RefuseWith(503, "7"), 2)
	s.Inject(AcceptThenClose(), 1)
	s.Inject(Redirect(302, "http://elsewhere/"), 1)
	a := newAgent(t, s)
	require.ErrorIs(t, a.connect(t), websocket.ErrBadHandshake)
	assert.Equal(t, 503, s.WaitConnection(t, "refused", Patience, func(c Connection) bool { return !c.Closed.IsZero() }).Code)
	response, err := do(a.request(t, nil))
	require.NoError(t, err)
	assert.Equal(t, "7", response.header.Get("Retry-After"))
	require.NoError(t, a.connect(t))
	_, _, err = a.frame(t)
	require.Error(t, err)
	require.ErrorIs(t, a.connect(t), websocket.ErrBadHandshake, "redirect")
	require.NoError(t, a.connect(t))
	a.ask(t, nil)
}

func TestFaultsInPlaceOfAnAnswer(t *testing.T) {
	t.Parallel()
	type reply struct {
		kind int
		data []byte
		err  error
	}
	parse := func(r reply) *protobufs.ServerToAgent {
		m := &protobufs.ServerToAgent{}
		_ = unmarshal(r.data, m)
		return m
	}
	for name, fault := range map[string]struct {
		Fault
		check func(*testing.T, reply)
	}{
		"text": {TextFrame(), func(t *testing.T, r reply) { t.Helper(); assert.Equal(t, websocket.TextMessage, r.kind) }},
		"garbage": {GarbageFrame(), func(t *testing.T, r reply) {
			t.Helper()
			assert.Error(t, unmarshal(r.data, &protobufs.ServerToAgent{}))
		}},
		"empty":        {EmptyMessage(), func(t *testing.T, r reply) { t.Helper(); assert.Equal(t, []byte{0}, r.data) }},
		"wrong header": {WrongHeader(&protobufs.ServerToAgent{Flags: 1}), func(t *testing.T, r reply) { t.Helper(); assert.Equal(t, byte(1), r.data[0]) }},
		"oversize":     {Oversize(1 << 20), func(t *testing.T, r reply) { t.Helper(); assert.Greater(t, len(r.data), 1<<20) }},
		"wrong uid": {WrongUID(), func(t *testing.T, r reply) {
			t.Helper()
			assert.Equal(t, "another agent!!!", string(parse(r).GetInstanceUid()))
		}},
		"unavailable": {Unavailable(time.Second), func(t *testing.T, r reply) {
			t.Helper()
			assert.Equal(t, uint64(time.Second), parse(r).GetErrorResponse().GetRetryInfo().GetRetryAfterNanoseconds())
		}},
		"bad request": {BadRequest(), func(t *testing.T, r reply) { t.Helper(); assert.NotNil(t, parse(r).GetErrorResponse()) }},
		"close":       {CloseWith(1001), func(t *testing.T, r reply) { t.Helper(); assert.True(t, websocket.IsCloseError(r.err, 1001)) }},
		"hang up":     {Hangup(), func(t *testing.T, r reply) { t.Helper(); assert.Error(t, r.err) }},
		"reset":       {Reset(), func(t *testing.T, r reply) { t.Helper(); assert.ErrorIs(t, r.err, syscall.ECONNRESET) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewServer(t)
			s.Inject(fault.Fault, 1)
			a := dial(t, s)
			a.send(t, nil)
			kind, data, err := a.frame(t)
			fault.check(t, reply{kind, data, err})

			s.Inject(fault.Fault, 1)
			_, _ = do(newAgent(t, s).request(t, nil)) // the same by plain HTTP ends too
			assert.Len(t, s.Messages(), 2)
		})
	}
}

func TestAServerThatNeverAnswersTakesMessages(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	s.Inject(NeverAnswer(), -1)
	a := dial(t, s)
	a.send(t, nil)
	a.send(t, nil)
	s.WaitFor(t, "the second message", Patience, func(m *protobufs.AgentToServer) bool { return m.GetSequenceNum() == 1 })
	s.ClearFaults()
	a.ask(t, nil)
}

func TestAHeldRequestEndsWithTheServer(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	s.Inject(NeverAnswer(), -1)
	a := newAgent(t, s)
	ended := make(chan error, 1)
	request := a.request(t, nil)
	go func() {
		_, err := do(request)
		ended <- err
	}()
	s.WaitFor(t, "the request", Patience, func(*protobufs.AgentToServer) bool { return true })
	s.Stop()
	assert.Error(t, <-ended)
}
