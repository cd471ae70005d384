package local

import (
	"bytes"
	"strings"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
	"opampd/supervisor/internal/opampserver"
)

// session is one connection of the extension. Its goroutine owns what changes.
type session struct {
	run     core.RunID
	conn    *opampserver.Conn
	gone    chan struct{}
	greeted bool   // it was told what holds for every session
	met     bool   // a description was seen
	marker  string // the configuration that it runs
}

// greeting begins the answer to a message.
func (l *Lane) greeting(s *session, uid []byte) *protobufs.ServerToAgent {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.run == l.run {
		l.quiet.Reset(silentAfter)
	}
	answer := &protobufs.ServerToAgent{InstanceUid: uid}
	if !s.greeted {
		s.greeted, answer.CustomCapabilities = true, l.custom
	}
	return answer
}

// message turns what the extension says into events and answers it.
func (l *Lane) message(s *session, m *protobufs.AgentToServer) *protobufs.ServerToAgent {
	answer := l.greeting(s, m.GetInstanceUid())
	if d := m.GetAgentDescription(); d != nil {
		s.met = true
		s.marker = takeMarker(d)
		l.Post(core.AgentDescribed{Run: s.run, Marker: s.marker, Description: encode(d)})
	}
	if !s.met { // a session that goes on after a lost connection begins without one (G-10)
		answer.Flags = uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState)
		return answer
	}
	l.details(s, m, answer)
	return answer
}

func (l *Lane) details(s *session, m *protobufs.AgentToServer, answer *protobufs.ServerToAgent) {
	if c := m.GetEffectiveConfig().GetConfigMap().GetConfigMap(); len(c) > 0 {
		l.effective(s, c)
	}
	if h := m.GetHealth(); h != nil {
		l.conceal(h)
		l.Post(core.AgentHealth{
			Run: s.run, At: core.Time(time.Now().UnixNano()), Healthy: h.GetHealthy(),
			Status: h.GetStatus(), LastError: h.GetLastError(), Tree: encode(h),
		})
	}
	if c := m.GetAvailableComponents(); c != nil {
		if len(c.GetComponents()) == 0 {
			answer.Flags |= uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportAvailableComponents)
		} else {
			l.Post(core.AgentComponents{Run: s.run, Body: encode(c)})
		}
	}
	if c := m.GetCustomCapabilities(); c != nil {
		l.Post(core.AgentCustomCapabilities{Run: s.run, List: strings.Join(c.GetCapabilities(), "\n")})
	}
	if c := m.GetCustomMessage(); c != nil {
		l.Post(core.AgentMessage{Run: s.run, Message: core.Message{
			Capability: c.GetCapability(), Type: c.GetType(), Data: string(c.GetData()),
		}})
	}
}

// effective passes on the configuration that the Collector reports. It comes with
// every environment variable filled in, so secrets are taken out here, where what
// was written before the filling in is at hand (W9).
func (l *Lane) effective(s *session, files map[string]*protobufs.AgentConfigFile) {
	rendered, err := l.Rendered()
	if err != nil || s.marker == "" || !bytes.Contains(rendered, []byte(s.marker)) {
		return // it is about to change, or nobody can tell what is secret in it: say nothing
	}
	body, err := effective.Redact(files[""].GetBody(), rendered)
	if err != nil {
		return
	}
	l.Post(core.AgentEffective{Run: s.run, Body: string(body)})
}

// conceal puts the names of variables back for the values that the Collector quotes in
// its complaints.
func (l *Lane) conceal(h *protobufs.ComponentHealth) {
	complaints := errorsOf(h)
	if len(complaints) == 0 {
		return
	}
	rendered, _ := l.Rendered() // without one there is nothing to tell secrets by
	mask := effective.Masker(rendered, l.Environ)
	for _, text := range complaints {
		*text = mask.Replace(*text)
	}
}

// errorsOf returns where a tree of health tells of errors.
func errorsOf(h *protobufs.ComponentHealth) []*string {
	var found []*string
	if h.GetLastError() != "" {
		found = append(found, &h.LastError)
	}
	for _, component := range h.GetComponentHealthMap() {
		found = append(found, errorsOf(component)...)
	}
	return found
}

// takeMarker removes and returns the hash of the configuration that opampd rendered
// into the description.
func takeMarker(d *protobufs.AgentDescription) string {
	marker := ""
	kept := d.NonIdentifyingAttributes[:0]
	for _, kv := range d.GetNonIdentifyingAttributes() {
		if kv.GetKey() == effective.MarkerKey {
			marker = kv.GetValue().GetStringValue()
			continue
		}
		kept = append(kept, kv)
	}
	d.NonIdentifyingAttributes = kept
	return marker
}

// encode gives equal messages equal bytes, so that the core can compare them.
func encode(m proto.Message) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil { // invalid UTF-8 is all that can be wrong, and Unmarshal has refused that
		return ""
	}
	return string(b)
}
