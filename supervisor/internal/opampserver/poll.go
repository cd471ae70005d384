package opampserver

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// mediaType is that of OpAMP over plain HTTP (S-024).
const mediaType = "application/x-protobuf"

// ReadPoll returns the message in a request of plain HTTP, which may be compressed by gzip. An error is ErrTooLarge,
// ErrNotOpAMP, or that the request broke; [Refuse] tells the client.
func ReadPoll(r *http.Request) (*protobufs.AgentToServer, error) {
	if r.Header.Get("Content-Type") != mediaType {
		return nil, fmt.Errorf("%w: its Content-Type is not %s", ErrNotOpAMP, mediaType)
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotOpAMP, err)
		}
		body = unzip
	}
	data, err := io.ReadAll(io.LimitReader(body, MaxMessage+1)) // the limit is of what comes out (S-028)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read an OpAMP request: %w", err)
	case len(data) > MaxMessage:
		return nil, ErrTooLarge
	}
	return decode(data)
}

// Refuse answers a request that ReadPoll could not read.
func Refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrTooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	http.Error(w, http.StatusText(status), status)
}

// Answer answers a request of plain HTTP.
func Answer(w http.ResponseWriter, m *protobufs.ServerToAgent) error {
	body, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode an OpAMP message: %w", err)
	}
	w.Header().Set("Content-Type", mediaType)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("answer an OpAMP request: %w", err)
	}
	return nil
}
