package devserver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/opampserver"
)

const (
	overWebSocket = "WebSocket"
	plainHTTP     = "HTTP"
)

// agent is one agent as far as it has reported itself.
type agent struct {
	id  uuid.UUID
	dir string
	line
	seen       time.Time
	seq        uint64
	asked      bool    // the last answer asked for the full state
	restart    bool    // the next answer is the restart command (plain HTTP)
	components []byte  // the hash of available components whose list was asked for
	offered    offered // of configuration
	packages   offered
	state      *protobufs.AgentToServer // the last of every part it sent
}

// line is how an agent is connected.
type line struct {
	link      *opampserver.Conn // its WebSocket; nil on plain HTTP and while it is away
	transport string            // empty while it is away
	addr      string            // the host:port of this server that it came to, which it can reach again
	peer      string            // the host:port that it came from
}

func newAgent(id uuid.UUID, dir string) *agent {
	return &agent{id: id, dir: dir, state: &protobufs.AgentToServer{}}
}

// hear notes the sequence number and capabilities and says whether messages are missing. One that describes the agent is the
// start of a new sequence and brings everything with it (S-050, S-060).
func (a *agent) hear(m *protobufs.AgentToServer, at time.Time) bool {
	gap := m.GetSequenceNum() != a.seq+1 && m.GetAgentDescription() == nil
	a.seq, a.seen = m.GetSequenceNum(), at
	a.state.Capabilities = m.GetCapabilities()
	return gap
}

// attach makes l the line of the agent and says whether the agent was not there before or came back another way.
func (a *agent) attach(l line) bool {
	same := a.transport == l.transport && a.link == l.link // each poll has a line of its own
	a.line = l
	if !same {
		a.offered, a.packages = offered{}, offered{}
	}
	return !same
}

func (a *agent) lacks(capability protobufs.AgentCapabilities) bool {
	return a.state.GetCapabilities()&uint64(capability) == 0 //nolint:gosec // a bit mask, never negative
}

// name is the uid as far as it tells agents apart: the 48 bits of a version 7 uid's milliseconds.
func (a *agent) name() string {
	return a.id.String()[:13] + "…"
}

// title words a description: "otelcol-lean 0.149.0 on host".
func title(d *protobufs.AgentDescription) string {
	attributes := map[string]string{}
	for _, kv := range slices.Concat(d.GetNonIdentifyingAttributes(), d.GetIdentifyingAttributes()) {
		attributes[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	text := strings.TrimSpace(attributes["service.name"] + " " + attributes["service.version"])
	if host := attributes["host.name"]; host != "" {
		text = strings.TrimSpace(text + " on " + host)
	}
	return text
}

func inParentheses(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("(%s) ", s)
}
