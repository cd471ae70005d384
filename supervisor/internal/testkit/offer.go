package testkit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// receive records a message and returns the answer to it, nil for none.
func (s *Server) receive(id int, m *protobufs.AgentToServer) *protobufs.ServerToAgent {
	var answer *protobufs.ServerToAgent
	s.update(func() {
		uid := string(m.GetInstanceUid())
		session := uid
		if s.record.conns[id].Transport == WebSocket {
			session = fmt.Sprint("conn ", id)
		}
		message := Message{AgentToServer: m, Conn: id, At: time.Now(), Asked: s.plan.asked[session], AfterFault: s.plan.faulty}
		s.record.msgs = append(s.record.msgs, message)
		if m.GetAgentDescription() != nil { // anything else was on its way when it was asked
			delete(s.plan.asked, session)
		}
		s.plan.faulty = false
		s.lastAgent = uid
		if s.states[uid] == nil {
			s.states[uid] = &protobufs.AgentToServer{}
		}
		merge(s.states[uid], clone(m))
		if answer = s.respond(session, message); answer != nil {
			s.sending(id, session, answer)
		}
	})
	return answer
}

// respond chooses the answer: what is pending goes alone and as it is, for a command must (S-238). The caller holds the lock.
func (s *Server) respond(session string, m Message) *protobufs.ServerToAgent {
	answer := &protobufs.ServerToAgent{InstanceUid: m.GetInstanceUid(), Capabilities: s.options.capabilities}
	switch {
	case m.GetAgentDisconnect() != nil:
		if s.record.conns[m.Conn].Transport == WebSocket {
			return nil // the agent closes now
		}
	case len(s.plan.pending) > 0:
		answer = s.addressed(s.plan.pending[0], m.GetInstanceUid())
		s.plan.pending = s.plan.pending[1:]
	default:
		s.addOffers(session, answer, s.states[string(m.GetInstanceUid())])
	}
	if s.plan.script != nil {
		answer = s.plan.script(m, answer)
	}
	return answer
}

// addOffers puts into the answer what is offered and due. The caller holds the lock.
func (s *Server) addOffers(session string, answer *protobufs.ServerToAgent, state *protobufs.AgentToServer) {
	onHTTP := session == string(answer.GetInstanceUid())
	due := func(hash, known []byte) bool {
		return s.options.naive || !bytes.Equal(known, hash) && (onHTTP || !s.plan.offered[session+string(hash)])
	}
	if o := s.plan.offer; o != nil && due(o.GetConfigHash(), state.GetRemoteConfigStatus().GetLastRemoteConfigHash()) {
		answer.RemoteConfig = o
	}
	if o := s.plan.packages; o != nil && due(o.GetAllPackagesHash(), state.GetPackageStatuses().GetServerProvidedAllPackagesHash()) {
		answer.PackagesAvailable = o
	}
}

// sending notes what the checks need to know. The caller holds the lock.
func (s *Server) sending(conn int, session string, m *protobufs.ServerToAgent) {
	if m.GetFlags()&uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState) != 0 {
		s.plan.asked[session] = true
	}
	if hash := string(m.GetRemoteConfig().GetConfigHash()); hash != "" {
		s.plan.offered[session+hash] = true
		s.record.offered[hash] = true
	}
	if offer := m.GetPackagesAvailable(); offer != nil {
		s.plan.offered[session+string(offer.GetAllPackagesHash())] = true
		s.record.packages = append(s.record.packages, packagesOffer{offer, conn, string(m.GetInstanceUid()), time.Now()})
	}
}

func (s *Server) addressed(m *protobufs.ServerToAgent, uid []byte) *protobufs.ServerToAgent {
	m = proto.CloneOf(m)
	if len(m.GetInstanceUid()) == 0 {
		m.InstanceUid = uid
	}
	if m.GetCapabilities() == 0 {
		m.Capabilities = s.options.capabilities
	}
	return m
}

// OfferRaw sends m now on every open WebSocket or, when there is none, as the answer to the next message or poll. instance_uid
// and capabilities are filled in where they are not set.
func (s *Server) OfferRaw(m *protobufs.ServerToAgent) {
	s.push(m, func() {
		if len(s.live.links) == 0 {
			s.plan.pending = append(s.plan.pending, m)
		}
	})
}

// push sends m on every open WebSocket; first runs before, alone.
func (s *Server) push(m *protobufs.ServerToAgent, first func()) {
	outbox := map[*link]*protobufs.ServerToAgent{}
	s.update(func() {
		first()
		for id, l := range s.live.links {
			outbox[l] = s.addressed(m, s.uidOf(id))
			s.sending(id, fmt.Sprint("conn ", id), outbox[l])
		}
	})
	for l, m := range outbox {
		(&exchange{link: l}).send(m)
	}
}

// uidOf returns the uid last used on a connection.
func (s *Server) uidOf(id int) []byte {
	for _, m := range slices.Backward(s.record.msgs) {
		if m.Conn == id {
			return m.GetInstanceUid()
		}
	}
	return nil
}

// Offer makes files (name to body) the configuration offered from now on and returns its hash: at once on open WebSockets, and to
// every agent that connects or polls and has reported another hash. See [Naive].
func (s *Server) Offer(files map[string]string) []byte {
	offer := remoteConfig(files)
	s.push(&protobufs.ServerToAgent{RemoteConfig: offer}, func() { s.plan.offer = offer })
	return offer.GetConfigHash()
}

// Withdraw ends the offer; agents keep what they have.
func (s *Server) Withdraw() {
	s.update(func() { s.plan.offer = nil })
}

// Restart sends the restart command (S-238). To stop and start the server itself see [Server.Stop].
func (s *Server) Restart() {
	s.OfferRaw(&protobufs.ServerToAgent{Command: &protobufs.ServerToAgentCommand{Type: protobufs.CommandType_CommandType_Restart}})
}

// RequestFullState asks for everything (S-070).
func (s *Server) RequestFullState() {
	s.OfferRaw(&protobufs.ServerToAgent{Flags: uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState)})
}

// RequestComponents asks for the list of available components (S-071).
func (s *Server) RequestComponents() {
	s.OfferRaw(&protobufs.ServerToAgent{Flags: uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportAvailableComponents)})
}

// OfferConnection offers connection settings, once, and returns their hash, which is computed if not set.
func (s *Server) OfferConnection(offers *protobufs.ConnectionSettingsOffers) []byte {
	offers = proto.CloneOf(offers)
	if len(offers.GetHash()) == 0 {
		sum := sha256.Sum256(marshal(offers))
		offers.Hash = sum[:]
	}
	s.OfferRaw(&protobufs.ServerToAgent{ConnectionSettings: offers})
	return offers.GetHash()
}

// OfferOwnTelemetry offers an OTLP/HTTP base URL such as [OTLPSink.URL] for the agent's own metrics, traces and logs (S-207: the
// offers carry the full paths) and returns the hash.
func (s *Server) OfferOwnTelemetry(base string) []byte {
	to := func(signal Signal) *protobufs.TelemetryConnectionSettings {
		return &protobufs.TelemetryConnectionSettings{DestinationEndpoint: base + signal.Path()}
	}
	return s.OfferConnection(&protobufs.ConnectionSettingsOffers{OwnMetrics: to(Metrics), OwnTraces: to(Traces), OwnLogs: to(Logs)})
}

// SendCustom sends a custom message (S-249).
func (s *Server) SendCustom(capability, kind string, data []byte) {
	s.OfferRaw(&protobufs.ServerToAgent{CustomMessage: &protobufs.CustomMessage{Capability: capability, Type: kind, Data: data}})
}

// remoteConfig hashes names and bodies, each with its length, in the order of the names.
func remoteConfig(files map[string]string) *protobufs.AgentRemoteConfig {
	h := sha256.New()
	all := map[string]*protobufs.AgentConfigFile{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(files[name]), files[name])
		all[name] = &protobufs.AgentConfigFile{Body: []byte(files[name]), ContentType: "text/yaml"}
	}
	return &protobufs.AgentRemoteConfig{Config: &protobufs.AgentConfigMap{ConfigMap: all}, ConfigHash: h.Sum(nil)}
}

// marshal is deterministic, for hashes.
func marshal(m proto.Message) []byte {
	data, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m) // messages of the test's own
	return data
}
