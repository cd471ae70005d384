package devserver

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/opampserver"
)

// endpoint joins connections to the fleet: what comes by them becomes a call that the loop makes.
type endpoint struct {
	fleet   *fleet
	calls   chan<- func()
	ended   <-chan struct{} // closed when the loop takes no more calls
	running *sync.WaitGroup // counts each connection until nothing serves it
}

func (e *endpoint) post(call func()) bool {
	select {
	case e.calls <- call:
		return true
	case <-e.ended:
		return false
	}
}

// ask gives a message that came by l to the fleet, and returns its answer, nil for none. false means that the server ends.
func (e *endpoint) ask(l line, m *protobufs.AgentToServer) (*protobufs.ServerToAgent, bool) {
	at := time.Now()
	answer := make(chan *protobufs.ServerToAgent, 1)
	if !e.post(func() { answer <- e.fleet.receive(l, m, at) }) {
		return nil, false
	}
	a := <-answer // the loop finishes each call it took
	if a != nil && len(a.GetInstanceUid()) == 0 {
		a.InstanceUid = m.GetInstanceUid()
	}
	return a, true
}

// ServeHTTP serves one WebSocket, or one request of plain HTTP.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.running.Add(1) // the HTTP server's own count, see track, ends when the connection is taken from it
	defer e.running.Done()
	l := line{transport: plainHTTP, addr: fmt.Sprint(r.Context().Value(http.LocalAddrContextKey)), peer: r.RemoteAddr}
	if !websocket.IsWebSocketUpgrade(r) {
		e.poll(w, r, l)
		return
	}
	conn, err := opampserver.Upgrade(w, r)
	if err != nil {
		return // the client was told why
	}
	l.link, l.transport = conn, overWebSocket
	e.serve(l)
}

func (e *endpoint) poll(w http.ResponseWriter, r *http.Request, l line) {
	m, err := opampserver.ReadPoll(r)
	if err != nil {
		opampserver.Refuse(w, err)
		return
	}
	if answer, ok := e.ask(l, m); ok {
		_ = opampserver.Answer(w, answer) // an agent that has gone asks again
	}
}

// serve listens to a WebSocket until it ends. A message that is not OpAMP ends it, or a peer could send such for ever.
func (e *endpoint) serve(l line) {
	conn := l.link
	gone := make(chan struct{})
	e.running.Go(func() {
		select {
		case <-e.ended:
			conn.GoAway()
		case <-gone:
		}
	})
	defer close(gone)
	defer conn.Close()
	defer e.post(func() { e.fleet.closed(conn) })
	for {
		m, err := conn.Receive()
		if err != nil {
			e.post(func() { e.fleet.unreadable(l.peer, err) })
			return
		}
		answer, ok := e.ask(l, m)
		if !ok || answer != nil && conn.Send(answer) != nil {
			return
		}
	}
}

// download serves the package that is offered.
func (e *endpoint) download(w http.ResponseWriter, r *http.Request) {
	offered := make(chan *packageFile, 1)
	if !e.post(func() { offered <- e.fleet.shelf.file }) {
		http.Error(w, "the server is ending", http.StatusServiceUnavailable)
		return
	}
	(<-offered).serve(w, r)
}

// track lets the end wait for the goroutines of the HTTP server, each of which serves one connection.
func (e *endpoint) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		e.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		e.running.Done()
	case http.StateActive, http.StateIdle:
	}
}
