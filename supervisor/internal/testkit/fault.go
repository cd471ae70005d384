package testkit

import (
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
)

// Fault is a way to misbehave, once. On plain HTTP each does the nearest thing that transport has.
type Fault struct {
	phase phase
	act   func(*exchange)
}

type phase int

const (
	atConnect phase = iota // instead of accepting a connection, or serving a request
	atMessage              // instead of answering a message
)

// planned is a fault and how often it is still to happen; negative means until cleared.
type planned struct {
	Fault
	times int
}

// RefuseWith answers the connection attempt or request with an HTTP status and, if not empty, a Retry-After header (S-095).
func RefuseWith(status int, retryAfter string) Fault {
	return Fault{atConnect, func(x *exchange) {
		if retryAfter != "" {
			x.w.Header().Set("Retry-After", retryAfter)
		}
		x.refuse(status)
	}}
}

// Redirect answers with a 3xx status and a Location (G-31).
func Redirect(status int, location string) Fault {
	return Fault{atConnect, func(x *exchange) {
		x.w.Header().Set("Location", location)
		x.refuse(status)
	}}
}

// AcceptThenClose completes the upgrade and closes at once (G-02).
func AcceptThenClose() Fault {
	return Fault{atConnect, func(x *exchange) {
		if websocket.IsWebSocketUpgrade(x.r) && x.upgrade() != nil {
			return
		}
		x.drop(false)
	}}
}

// NeverAnswer takes the message and says nothing; a request of plain HTTP is held until the client or the server gives up (S-104).
func NeverAnswer() Fault {
	return Fault{atMessage, func(x *exchange) {
		if x.link == nil {
			select {
			case <-x.r.Context().Done():
			case <-x.down:
			}
			x.drop(false)
		}
	}}
}

// TextFrame answers with a text frame (S-004).
func TextFrame() Fault {
	return Fault{atMessage, func(x *exchange) { x.raw(websocket.TextMessage, []byte("this is text")) }}
}

// GarbageFrame answers with bytes that are no protobuf.
func GarbageFrame() Fault {
	return Fault{atMessage, func(x *exchange) { x.raw(websocket.BinaryMessage, []byte("\x00\xff\xff\xff\xff")) }}
}

// EmptyMessage answers with a message of length zero, which is valid (S-008).
func EmptyMessage() Fault {
	return Fault{atMessage, func(x *exchange) { x.send(nil) }}
}

// WrongHeader answers with a message whose header is 1 (S-006); it must not be acted on.
func WrongHeader(m *protobufs.ServerToAgent) Fault {
	return Fault{atMessage, func(x *exchange) { x.raw(websocket.BinaryMessage, append([]byte{1}, marshal(m)...)) }}
}

// Oversize answers with a configuration of the given number of bytes (S-009, S-028).
func Oversize(size int) Fault {
	return Fault{atMessage, func(x *exchange) {
		x.answer.RemoteConfig = remoteConfig(map[string]string{"": string(make([]byte, size))})
		x.send(x.answer)
	}}
}

// WrongUID answers with the instance_uid of another agent (S-045).
func WrongUID() Fault {
	return Fault{atMessage, func(x *exchange) {
		x.answer.InstanceUid = []byte("another agent!!!")
		x.send(x.answer)
	}}
}

// Unavailable answers with that error, and retry_info when retry is not 0 (S-092).
func Unavailable(retry time.Duration) Fault {
	failure := &protobufs.ServerErrorResponse{
		Type:         protobufs.ServerErrorResponseType_ServerErrorResponseType_Unavailable,
		ErrorMessage: "scripted to be unavailable",
	}
	if retry > 0 {
		failure.Details = &protobufs.ServerErrorResponse_RetryInfo{
			RetryInfo: &protobufs.RetryInfo{RetryAfterNanoseconds: uint64(retry)},
		}
	}
	return Fault{atMessage, func(x *exchange) {
		x.send(&protobufs.ServerToAgent{InstanceUid: x.answer.GetInstanceUid(), ErrorResponse: failure})
	}}
}

// BadRequest answers with that error (S-091).
func BadRequest() Fault {
	return Fault{atMessage, func(x *exchange) {
		x.send(&protobufs.ServerToAgent{InstanceUid: x.answer.GetInstanceUid(), ErrorResponse: &protobufs.ServerErrorResponse{
			Type: protobufs.ServerErrorResponseType_ServerErrorResponseType_BadRequest, ErrorMessage: "scripted to refuse",
		}})
	}}
}

// CloseWith answers with a close frame and waits for the agent's (S-107).
func CloseWith(code int) Fault {
	return Fault{atMessage, func(x *exchange) {
		if x.link == nil {
			x.drop(false)
			return
		}
		x.link.frame(websocket.CloseMessage, websocket.FormatCloseMessage(code, "scripted"))
	}}
}

// Hangup closes the TCP connection without a close frame.
func Hangup() Fault {
	return Fault{atMessage, func(x *exchange) { x.drop(false) }}
}

// Reset ends the TCP connection with RST.
func Reset() Fault {
	return Fault{atMessage, func(x *exchange) { x.drop(true) }}
}

// drop ends the TCP connection.
func (x *exchange) drop(reset bool) {
	var conn net.Conn
	if x.link != nil {
		conn = x.link.ws.NetConn()
	} else if hijacked, _, err := http.NewResponseController(x.w).Hijack(); err == nil {
		conn = hijacked
	} else {
		return
	}
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS would send an alert first
		conn = wrapped.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// Inject makes the fault happen to the next connections or messages, as often as times says, for ever if it is negative. Faults
// injected first happen first.
func (s *Server) Inject(f Fault, times int) {
	s.update(func() { s.plan.faults = append(s.plan.faults, &planned{f, times}) })
}

// InjectNow makes the fault, one of those in place of an answer, happen to every open WebSocket without waiting for a message.
func (s *Server) InjectNow(f Fault) {
	if f.phase == atConnect {
		panic("testkit: a fault of connecting cannot happen to an open connection")
	}
	var links []*link
	s.update(func() {
		s.plan.faulty = true
		for _, l := range s.live.links {
			links = append(links, l)
		}
	})
	for _, l := range links {
		f.act(&exchange{link: l, answer: &protobufs.ServerToAgent{}})
	}
}

// ClearFaults makes the server behave again.
func (s *Server) ClearFaults() {
	s.update(func() { s.plan.faults = nil })
}

// takeFault returns the first fault planned for the phase, nil if there is none.
func (s *Server) takeFault(at phase) *Fault {
	var fault *Fault
	s.update(func() {
		for _, p := range s.plan.faults {
			if p.phase == at && p.times != 0 {
				p.times--
				fault = &p.Fault
				s.plan.faulty = true
				return
			}
		}
	})
	return fault
}
