package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// patience is how long anything may take that does happen.
const patience = 20 * time.Second

// server is an OpAMP server for one agent, over WebSocket. It answers every message and keeps what the agent said last, with the
// time at which it was read.
type server struct {
	board
	http    *http.Server
	address string
	conn    *websocket.Conn // the newest, nil before the first message on it
	conns   int
	offered *protobufs.AgentRemoteConfig
	status  map[string]status // by hash
	health  health
	pkg     packageStatus
}

// status is what the agent said of one configuration.
type status struct {
	*protobufs.RemoteConfigStatus
	at time.Time
}

// health is what the agent said of itself.
type health struct {
	healthy bool
	started time.Time // of the Collector
	conn    int       // on which connection it was said, from 1
	at      time.Time
}

func newServer() (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the OpAMP server: %w", err)
	}
	s := &server{address: listener.Addr().String(), status: map[string]status{}}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve)}
	go func() { _ = s.http.Serve(listener) }() // until close
	return s, nil
}

func (s *server) close() {
	_ = s.http.Close()
	s.update(func() {
		if s.conn != nil {
			_ = s.conn.Close()
		}
	})
}

// serve reads one connection to its end.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // it is over
	for id := 0; ; {
		_, frame, err := conn.ReadMessage()
		if err != nil || len(frame) == 0 {
			return
		}
		at := time.Now()
		m := &protobufs.AgentToServer{}
		if proto.Unmarshal(frame[1:], m) != nil { // after the header, one zero byte
			return
		}
		s.update(func() {
			first := id == 0
			if first {
				s.conns++
				id, s.conn = s.conns, conn
			}
			s.note(m, id, at)
			s.answer(conn, m, first)
		})
	}
}

func (s *server) note(m *protobufs.AgentToServer, id int, at time.Time) {
	if st := m.GetRemoteConfigStatus(); st != nil {
		s.status[string(st.GetLastRemoteConfigHash())] = status{st, at}
	}
	if p := m.GetPackageStatuses().GetPackages()[""]; p != nil {
		s.pkg = packageStatus{p, at}
	}
	if h := m.GetHealth(); h != nil {
		s.health = health{healthy: h.GetHealthy(), started: time.Unix(0, int64(h.GetStartTimeUnixNano())), conn: id, at: at}
	}
}

// answer answers, with the offer on a new connection of an agent that has not got it.
func (s *server) answer(conn *websocket.Conn, m *protobufs.AgentToServer, first bool) {
	if m.GetAgentDisconnect() != nil {
		return
	}
	answer := &protobufs.ServerToAgent{
		InstanceUid: m.GetInstanceUid(),
		Capabilities: uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsStatus |
			protobufs.ServerCapabilities_ServerCapabilities_OffersRemoteConfig |
			protobufs.ServerCapabilities_ServerCapabilities_OffersPackages |
			protobufs.ServerCapabilities_ServerCapabilities_AcceptsPackagesStatus),
	}
	if string(m.GetRemoteConfigStatus().GetLastRemoteConfigHash()) != string(s.offered.GetConfigHash()) && first {
		answer.RemoteConfig = s.offered
	}
	write(conn, answer)
}

// write sends one message. That it did not arrive is noticed by who waits for its effect.
func write(conn *websocket.Conn, m *protobufs.ServerToAgent) {
	data, _ := proto.Marshal(m) // a message of our own
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{0}, data...))
}

// offer sends a configuration, now or when the agent connects, and returns its hash and when it was sent.
func (s *server) offer(body string) (hash string, sent time.Time) {
	sum := sha256.Sum256([]byte(body))
	s.update(func() {
		s.offered = &protobufs.AgentRemoteConfig{
			ConfigHash: sum[:],
			Config: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{
				"collector.yaml": {Body: []byte(body), ContentType: "text/yaml"},
			}},
		}
		sent = time.Now()
		if s.conn != nil {
			write(s.conn, &protobufs.ServerToAgent{RemoteConfig: s.offered})
		}
	})
	return string(sum[:]), sent
}

// verdict waits until the agent has said APPLIED or FAILED of a configuration.
func (s *server) verdict(ctx context.Context, hash string) (status, error) {
	var found status
	err := s.await(ctx, patience, "an APPLIED or FAILED of the agent", func() bool {
		found = s.status[hash]
		code := found.GetStatus()
		return code == protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED ||
			code == protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED
	})
	return found, err
}

// healthyWhere waits for the agent to be healthy in a way that suits.
func (s *server) healthyWhere(ctx context.Context, suits func(health) bool) (health, error) {
	var found health
	err := s.await(ctx, patience, "a healthy agent", func() bool {
		found = s.health
		return found.healthy && suits(found)
	})
	return found, err
}

// connections returns how many there were.
func (s *server) connections() (n int) {
	s.update(func() { n = s.conns })
	return n
}
