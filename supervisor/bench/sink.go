package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// drainTime is how long what was accepted may take to come out.
const drainTime = 3 * time.Second

// sink is where the Collector sends to: it notes the number of each span.
type sink struct {
	board
	http *http.Server
	url  string
	seen map[uint64]bool
}

func newSink() (*sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the receiver of telemetry: %w", err)
	}
	s := &sink{url: "http://" + listener.Addr().String(), seen: map[uint64]bool{}}
	s.http = &http.Server{Handler: http.HandlerFunc(s.receive)}
	go func() { _ = s.http.Serve(listener) }() // until close
	return s, nil
}

func (s *sink) close() { _ = s.http.Close() }

// receive takes an export. TracesData is, byte for byte, an ExportTraceServiceRequest.
func (s *sink) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	data := &tracepb.TracesData{}
	if err != nil || proto.Unmarshal(body, data) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.update(func() {
		for _, resource := range data.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					s.seen[binary.BigEndian.Uint64(span.GetSpanId())] = true
				}
			}
		}
	})
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// lost waits for what was accepted to come out and returns how much did not.
func (s *sink) lost(ctx context.Context, accepted []uint64) (missing int) {
	_ = s.await(ctx, drainTime, "the rest of the telemetry", func() bool { // what is missing then is the answer
		missing = 0
		for _, id := range accepted {
			if !s.seen[id] {
				missing++
			}
		}
		return missing == 0
	})
	return missing
}
