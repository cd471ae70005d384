// Package opampserver is the server's end of OpAMP connections, bounded in all that a peer chooses: the size and the shape
// of a message, and how long it may leave unread what it was sent. The server half of opamp-go bounds none of them, and
// hides the WebSocket on which that could be done (G-40).
package opampserver

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
	// MaxMessage is the limit of one message, in bytes after decompression: the default of the specification (S-012).
	MaxMessage = 64 << 20
	// maxDepth is that of nested messages; real ones have about ten.
	maxDepth = 100
	// writeTimeout is how long a peer may leave unread what it was sent, before it is taken for hung.
	writeTimeout = 5 * time.Second
	// handshakeTimeout is for the upgrade to a WebSocket.
	handshakeTimeout = 5 * time.Second
)

// ErrNotOpAMP says that a message could be read and not understood.
var ErrNotOpAMP = errors.New("not an OpAMP message")

// ErrTooLarge says that a message is larger than MaxMessage.
var ErrTooLarge = websocket.ErrReadLimit

// Conn is an OpAMP WebSocket.
type Conn struct {
	ws *websocket.Conn
	mu sync.Mutex // answers and pushes are written by two goroutines
}

// Upgrade makes a WebSocket of a request. When it fails it has told the client why.
func Upgrade(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	u := websocket.Upgrader{HandshakeTimeout: handshakeTimeout}
	ws, err := u.Upgrade(w, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade to a WebSocket: %w", err)
	}
	ws.SetReadLimit(MaxMessage) // closes with 1009 (S-010)
	return &Conn{ws: ws}, nil
}

// Receive waits for the next message. An error is the end of the connection: ErrTooLarge, ErrNotOpAMP, or that it broke.
func (c *Conn) Receive() (*protobufs.AgentToServer, error) {
	kind, data, err := c.ws.ReadMessage()
	if err != nil {
		return nil, fmt.Errorf("read an OpAMP message: %w", err)
	}
	if kind != websocket.BinaryMessage || len(data) == 0 || data[0] != 0 { // S-005: a header that is always 0
		return nil, ErrNotOpAMP
	}
	return decode(data[1:])
}

func decode(data []byte) (*protobufs.AgentToServer, error) {
	m := &protobufs.AgentToServer{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxDepth}).Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotOpAMP, err)
	}
	return m, nil
}

// Send writes a message, within 5 s. Any goroutine may call it. An error is the end of the connection.
func (c *Conn) Send(m *protobufs.ServerToAgent) error {
	frame, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, m)
	if err != nil {
		return fmt.Errorf("encode an OpAMP message: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)) // never fails
	if err := c.ws.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		c.Close()
		return fmt.Errorf("write an OpAMP message: %w", err)
	}
	return nil
}

// Close cuts the connection. Any goroutine may call it, any number of times.
func (c *Conn) Close() { _ = c.ws.Close() }

// GoAway says that the server ends, within 5 s, and cuts the connection. Any goroutine may call it.
func (c *Conn) GoAway() {
	bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(writeTimeout))
	c.Close()
}
