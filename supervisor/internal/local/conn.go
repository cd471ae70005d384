package local

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

const (
	// maxMessage is the limit of one message, in bytes: the default of the
	// specification (S-012), which is also the largest configuration that the server may
	// send and the extension say back.
	maxMessage = 64 << 20
	maxDepth   = 100 // of nested messages; real ones have about ten
	// writeTimeout is how long a Collector may leave unread what it was sent, before it
	// is taken for hung. Without it a stopped one would hang us too.
	writeTimeout = 5 * time.Second
)

// conn is the server's end of an OpAMP WebSocket. The server half of opamp-go sets
// neither a limit for reading nor a deadline for writing, hides the WebSocket on which
// they could be set, and does not close live connections when it stops (G-40).
type conn struct {
	ws *websocket.Conn
	mu sync.Mutex // answers and forwarded messages are written by two goroutines
}

// upgrade answers the client itself when it fails.
func upgrade(w http.ResponseWriter, r *http.Request) (*conn, error) {
	u := websocket.Upgrader{HandshakeTimeout: requestTimeout}
	ws, err := u.Upgrade(w, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade to a WebSocket: %w", err)
	}
	ws.SetReadLimit(maxMessage)
	return &conn{ws: ws}, nil
}

// receive waits for the next message. An error is the end of the connection.
func (c *conn) receive() (*protobufs.AgentToServer, error) {
	kind, data, err := c.ws.ReadMessage()
	if err != nil {
		return nil, fmt.Errorf("read from the Collector: %w", err)
	}
	if kind != websocket.BinaryMessage || len(data) == 0 || data[0] != 0 { // S-005: a header that is always 0
		return nil, errors.New("the Collector sent what is not OpAMP")
	}
	m := &protobufs.AgentToServer{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxDepth}).Unmarshal(data[1:], m); err != nil {
		return nil, fmt.Errorf("the Collector sent what is not OpAMP: %w", err)
	}
	return m, nil
}

// send writes a message. Any goroutine may call it. An error is the end of the
// connection.
func (c *conn) send(m *protobufs.ServerToAgent) error {
	frame, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, m)
	if err != nil {
		return fmt.Errorf("encode a message for the Collector: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)) // never fails
	if err := c.ws.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		c.close()
		return fmt.Errorf("write to the Collector: %w", err)
	}
	return nil
}

// close cuts the connection. Any goroutine may call it, any number of times.
func (c *conn) close() { _ = c.ws.Close() }
