package testkit

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Transport is how a connection was made.
type Transport string

// The transports of OpAMP.
const (
	WebSocket Transport = "websocket"
	PlainHTTP Transport = "http"
)

// Connection is one WebSocket, or one request of plain HTTP.
type Connection struct {
	ID        int // its place in [Server.Connections], from 0
	Transport Transport
	Path      string
	Remote    string
	Header    http.Header
	TLS       *tls.ConnectionState // nil without TLS
	Opened    time.Time
	Closed    time.Time // zero while it is open
	// Code is the close code the agent sent, 1006 if the connection ended without one. On plain HTTP, and for a WebSocket that was
	// refused, it is the status it was answered with, 0 for none.
	Code int
}

// Message is one message of the agent.
type Message struct {
	*protobufs.AgentToServer
	Conn int // the ID of its connection
	At   time.Time
	// Asked says that the server asked for the full state, and had not been given it before on this connection.
	Asked bool
	// AfterFault says that requests may have been lost before it: a fault was injected, or the server was away.
	AfterFault bool
}

// record is all that happened, in the order it was seen.
type record struct {
	conns    []Connection
	msgs     []Message
	offered  map[string]bool // the configuration hashes that were offered
	packages []packagesOffer
	faults   []string // breaches seen while reading: framing, encoding
	ended    time.Time
}

// merge keeps in state the last of every part of the agent's messages (S-067, S-068).
func merge(state, m *protobufs.AgentToServer) {
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		state.ProtoReflect().Set(field, value)
		return true
	})
	state.SequenceNum, state.Flags = m.GetSequenceNum(), m.GetFlags()
	state.AgentDisconnect, state.CustomMessage = m.GetAgentDisconnect(), m.GetCustomMessage()
}

// story tells the last messages, for a test that failed waiting.
func (r *record) story() string {
	const most = 20
	var b strings.Builder
	for _, m := range r.msgs[max(0, len(r.msgs)-most):] {
		fmt.Fprintf(&b, "\n  %s conn %d seq %d:%s", m.At.Format("15:04:05.000"), m.Conn, m.GetSequenceNum(), parts(m.AgentToServer))
	}
	fmt.Fprintf(&b, "\n  %d connections, %d messages in all", len(r.conns), len(r.msgs))
	return b.String()
}

func parts(m *protobufs.AgentToServer) string {
	text := ""
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		switch field.Name() {
		case "instance_uid", "sequence_num", "capabilities", "health", "remote_config_status", "package_statuses":
		default:
			text += " " + string(field.Name())
		}
		return true
	})
	if h := m.GetHealth(); h != nil {
		text += fmt.Sprintf(" healthy=%t %q", h.GetHealthy(), h.GetLastError())
	}
	if s := m.GetRemoteConfigStatus(); s != nil {
		text += fmt.Sprintf(" config %.8x %s %q", s.GetLastRemoteConfigHash(), s.GetStatus(), s.GetErrorMessage())
	}
	return text + wordPackages(m.GetPackageStatuses())
}

func clone(m *protobufs.AgentToServer) *protobufs.AgentToServer {
	return proto.CloneOf(m)
}
