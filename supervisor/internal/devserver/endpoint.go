package devserver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/open-telemetry/opamp-go/server"
	"github.com/open-telemetry/opamp-go/server/types"
)

// endpoint joins opamp-go's handler, which speaks both transports, to the fleet: every callback becomes a call that the loop makes.
func endpoint(ctx context.Context, f *fleet, calls chan<- func(), running *sync.WaitGroup) (http.Handler, server.ConnContext, error) {
	post := func(call func()) bool {
		select {
		case calls <- call:
			return true
		case <-ctx.Done():
			return false
		}
	}
	handle, connContext, err := server.New(nil).Attach(server.Settings{Callbacks: types.Callbacks{
		OnConnecting: func(*http.Request) types.ConnectionResponse {
			return types.ConnectionResponse{Accept: true, ConnectionCallbacks: callbacks(f, post)}
		},
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("attach the OpAMP server: %w", err)
	}
	bind := binder(ctx, running)
	mux := http.NewServeMux()
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		if status := boundBody(r); status != 0 {
			http.Error(w, http.StatusText(status), status)
			return
		}
		handle(hijackable{ResponseWriter: w, running: running, bind: bind}, r)
	})
	return mux, connContext, nil
}

// callbacks serve one connection: one WebSocket, or one request of plain HTTP. None of them runs beside another of the same
// connection.
func callbacks(f *fleet, post func(func()) bool) types.ConnectionCallbacks {
	return types.ConnectionCallbacks{
		OnMessage: func(ctx context.Context, conn types.Connection, m *protobufs.AgentToServer) *protobufs.ServerToAgent {
			at := time.Now()
			if ws := webSocket(conn); ws != nil {
				ws.messageDone()
			}
			answer := make(chan *protobufs.ServerToAgent, 1)
			if !post(func() { answer <- f.receive(ctx, conn, m, at) }) {
				return nil
			}
			return <-answer // the loop finishes each call it took
		},
		// A frame that is no OpAMP message ends the connection, or a peer could send such frames for ever.
		OnReadMessageError: func(conn types.Connection, _ int, _ []byte, err error) {
			post(func() { f.unreadable(conn, err) })
			_ = conn.Disconnect()
		},
		OnConnectionClose: func(conn types.Connection) {
			if webSocket(conn) != nil {
				post(func() { f.closed(conn) })
			}
		},
	}
}

// webSocket returns the connection under a WebSocket, nil for plain HTTP.
func webSocket(conn types.Connection) *bounded {
	ws, _ := conn.Connection().(*bounded)
	return ws
}
