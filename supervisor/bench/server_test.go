package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

func startServer(t *testing.T) *server {
	t.Helper()
	s, err := newServer()
	require.NoError(t, err)
	t.Cleanup(s.close)
	return s
}

// agent is the other end of the protocol.
type agent struct {
	*testing.T
	conn *websocket.Conn
}

func connect(t *testing.T, s *server) agent {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+s.address, http.Header{})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	return agent{t, conn}
}

func (a agent) say(m *protobufs.AgentToServer) {
	a.Helper()
	data, err := proto.Marshal(m)
	require.NoError(a, err)
	require.NoError(a, a.conn.WriteMessage(websocket.BinaryMessage, append([]byte{0}, data...)))
}

func (a agent) hear() *protobufs.ServerToAgent {
	a.Helper()
	_, frame, err := a.conn.ReadMessage()
	require.NoError(a, err)
	m := &protobufs.ServerToAgent{}
	require.Equal(a, byte(0), frame[0])
	require.NoError(a, proto.Unmarshal(frame[1:], m))
	return m
}

func configStatus(hash string, code protobufs.RemoteConfigStatuses) *protobufs.AgentToServer {
	return &protobufs.AgentToServer{
		RemoteConfigStatus: &protobufs.RemoteConfigStatus{LastRemoteConfigHash: []byte(hash), Status: code},
	}
}

func TestOfferReachesAnAgentThatIsConnected(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a := connect(t, s)
	a.say(&protobufs.AgentToServer{InstanceUid: []byte("me")})
	assert.Equal(t, "me", string(a.hear().GetInstanceUid()))
	hash, _ := s.offer("one: 1")
	got := a.hear().GetRemoteConfig()
	assert.Equal(t, hash, string(got.GetConfigHash()))
	assert.Equal(t, "one: 1", string(got.GetConfig().GetConfigMap()["collector.yaml"].GetBody()))
}

func TestOfferWaitsForAnAgent(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	hash, _ := s.offer("one: 1")
	a := connect(t, s)
	a.say(&protobufs.AgentToServer{})
	assert.Equal(t, hash, string(a.hear().GetRemoteConfig().GetConfigHash()))
}

func TestAgentThatHasTheConfigurationIsNotOfferedIt(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	hash, _ := s.offer("one: 1")
	a := connect(t, s)
	a.say(configStatus(hash, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED))
	assert.Nil(t, a.hear().GetRemoteConfig())
}

func TestVerdictIsTheLastWordOnAConfiguration(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	hash, sent := s.offer("one: 1")
	a := connect(t, s)
	a.say(configStatus(hash, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING))
	a.say(configStatus("another", protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED))
	a.say(configStatus(hash, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED))
	got, err := s.verdict(t.Context(), hash)
	require.NoError(t, err)
	assert.Equal(t, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED, got.GetStatus())
	assert.True(t, got.at.After(sent))
}

func TestHealthIsKnownWithItsConnection(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	connect(t, s).say(&protobufs.AgentToServer{Health: &protobufs.ComponentHealth{Healthy: true}})
	_, err := s.healthyWhere(t.Context(), func(h health) bool { return h.conn == 1 })
	require.NoError(t, err)
	connect(t, s).say(&protobufs.AgentToServer{Health: &protobufs.ComponentHealth{Healthy: true, StartTimeUnixNano: 5}})
	got, err := s.healthyWhere(t.Context(), func(h health) bool { return h.conn > 1 })
	require.NoError(t, err)
	assert.Equal(t, int64(5), got.started.UnixNano())
	assert.Equal(t, 2, s.connections())
}

func TestWaitSaysWhatWasNotSeen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := startServer(t).verdict(ctx, "never offered")
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "an APPLIED or FAILED of the agent was not seen")
}

func TestRevolvingDoorCountsWhatItCloses(t *testing.T) {
	t.Parallel()
	door, err := newRevolvingDoor()
	require.NoError(t, err)
	t.Cleanup(func() { _ = door.http.Close() })
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+door.address, nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	_, _, err = conn.ReadMessage()
	assert.ErrorAs(t, err, new(*websocket.CloseError))
	assert.Equal(t, int64(1), door.tcp.Load())
	assert.Equal(t, int64(1), door.web.Load())
}
