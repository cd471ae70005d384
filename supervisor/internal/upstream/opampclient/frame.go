package opampclient

import (
	"errors"
	"fmt"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// maxDepth bounds the nesting of a message from the server; the deepest real one has about ten levels.
const maxDepth = 100

var (
	errMalformed = errors.New("the server sent something that is not OpAMP")
	errOversize  = errors.New("the server sent a message over the size limit")
	errSilent    = errors.New("the server did not answer in time")
)

// outgoing is one message on its way: a WebSocket frame, whose first byte is the header (S-005) and whose rest is the
// body of an HTTP request.
type outgoing struct {
	uid   [16]byte
	frame []byte
	more  bool // there is more to be said at once
	last  bool // it holds AgentDisconnect: nothing may follow
}

// encodeFrame marshals a message behind the header, a varint that is always 0.
func encodeFrame(m *protobufs.AgentToServer) ([]byte, error) {
	frame, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, m)
	if err != nil {
		return nil, fmt.Errorf("encoding a report: %w", err)
	}
	return frame, nil
}

// decodeFrame reads a binary WebSocket message. A lone header is an empty message (S-008); any other header than 0 is
// malformed (S-006).
func decodeFrame(data []byte) (*protobufs.ServerToAgent, error) {
	if len(data) == 0 || data[0] != 0 {
		return nil, fmt.Errorf("%w: a frame without the header 0", errMalformed)
	}
	return decodeBody(data[1:])
}

// decodeBody reads the protobuf message of an HTTP response or of a frame behind its header.
func decodeBody(data []byte) (*protobufs.ServerToAgent, error) {
	m := &protobufs.ServerToAgent{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxDepth}).Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return m, nil
}
