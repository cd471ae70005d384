package testkit

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// link is one open WebSocket. The mutex is gorilla's demand: answers and pushes are written by different goroutines.
type link struct {
	mu sync.Mutex
	ws *websocket.Conn
}

// frame writes one frame of the given kind.
func (l *link) frame(kind int, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.ws.SetWriteDeadline(time.Now().Add(Patience))
	_ = l.ws.WriteMessage(kind, data) // the reader notices that the connection is gone
}

// handle serves one WebSocket or one request.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	var id int
	var down <-chan struct{}
	transport := PlainHTTP
	if websocket.IsWebSocketUpgrade(r) {
		transport = WebSocket
	}
	s.update(func() {
		id, down = len(s.record.conns), s.live.down
		s.record.conns = append(s.record.conns, Connection{
			ID: id, Transport: transport, Path: r.URL.Path, Remote: r.RemoteAddr, Header: r.Header.Clone(), TLS: r.TLS, Opened: time.Now(),
		})
	})
	x := &exchange{w: w, r: r, down: down}
	var code int
	switch fault := s.takeFault(atConnect); {
	case fault != nil:
		fault.act(x)
		code = x.status
	case transport == WebSocket:
		code = s.serveWebSocket(id, x)
	default:
		code = s.serveHTTP(id, x)
	}
	s.update(func() {
		s.record.conns[id].Closed, s.record.conns[id].Code = time.Now(), code
	})
}

// serveWebSocket reads until the connection ends and returns the agent's close code.
func (s *Server) serveWebSocket(id int, x *exchange) int {
	if x.upgrade() != nil {
		return 0
	}
	defer func() { _ = x.link.ws.Close() }()
	open := false
	s.update(func() {
		if open = s.live.http != nil && s.live.down == x.down; open { // else it was stopped in between
			s.live.links[id] = x.link
		}
	})
	if !open {
		return 0
	}
	defer s.update(func() { delete(s.live.links, id) })
	for {
		kind, data, err := x.link.ws.ReadMessage()
		if err != nil {
			return closeCode(err)
		}
		if kind != websocket.BinaryMessage || len(data) == 0 || data[0] != 0 {
			s.badEncoding("conn %d: a frame of type %d that does not begin with the header 0 (S-004, S-005)", id, kind)
			continue
		}
		s.take(id, data[1:], x)
	}
}

// serveHTTP answers one request and returns the status.
func (s *Server) serveHTTP(id int, x *exchange) int {
	body := io.Reader(x.r.Body)
	if x.r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(body)
		if err != nil {
			s.badEncoding("request %d: not gzip (S-025)", id)
			x.refuse(http.StatusBadRequest)
			return x.status
		}
		body = unzip
	}
	data, err := io.ReadAll(body)
	if x.r.Method != http.MethodPost || x.r.Header.Get("Content-Type") != "application/x-protobuf" || err != nil {
		s.badEncoding("request %d: want POST of application/x-protobuf (S-024), got %s of %q (%v)",
			id, x.r.Method, x.r.Header.Get("Content-Type"), err)
		x.refuse(http.StatusBadRequest)
		return x.status
	}
	s.take(id, data, x)
	return x.status
}

// take records a message and answers it, or lets a fault do so.
func (s *Server) take(id int, data []byte, x *exchange) {
	m := &protobufs.AgentToServer{}
	if err := proto.Unmarshal(data, m); err != nil { // proto3 refuses strings that are not UTF-8 (S-085)
		s.badEncoding("conn %d: %v", id, err)
		x.refuse(http.StatusBadRequest)
		return
	}
	answer := s.receive(id, m)
	x.answer = answer
	if fault := s.takeFault(atMessage); fault != nil {
		if x.answer == nil {
			x.answer = &protobufs.ServerToAgent{InstanceUid: m.GetInstanceUid()}
		}
		fault.act(x)
		return
	}
	if answer != nil || x.link == nil {
		x.send(answer)
	}
}

// exchange is one opportunity to answer: a connection attempt, a message, or, with neither, a push.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	link   *link // nil on plain HTTP and before the upgrade
	down   <-chan struct{}
	answer *protobufs.ServerToAgent
	status int // of plain HTTP
}

func (x *exchange) upgrade() error {
	ws, err := new(websocket.Upgrader).Upgrade(x.w, x.r, nil)
	if err != nil {
		return err //nolint:wrapcheck // only told from nil
	}
	x.link = &link{ws: ws}
	return nil
}

// send answers properly.
func (x *exchange) send(m *protobufs.ServerToAgent) {
	data, _ := proto.Marshal(m) // strings of the test's own
	if x.link != nil {
		data = append([]byte{0}, data...)
	}
	x.raw(websocket.BinaryMessage, data)
}

// raw answers with bytes as they are: one frame, or one body.
func (x *exchange) raw(kind int, data []byte) {
	if x.link != nil {
		x.link.frame(kind, data)
		return
	}
	x.w.Header().Set("Content-Type", "application/x-protobuf")
	x.status = http.StatusOK
	_, _ = x.w.Write(data)
}

// refuse answers plain HTTP, or a WebSocket before its upgrade, with a status.
func (x *exchange) refuse(status int) {
	if x.link == nil {
		x.status = status
		x.w.WriteHeader(status)
	}
}

func closeCode(err error) int {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return closed.Code
	}
	return websocket.CloseAbnormalClosure
}
