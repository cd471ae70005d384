package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// export is a request with one span, whose ids are made of its number.
func export(id uint64) *collectorpb.ExportTraceServiceRequest {
	span := binary.BigEndian.AppendUint64(nil, id)
	return &collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: append(make([]byte, 8), span...), SpanId: span, Name: "bench", StartTimeUnixNano: 1, EndTimeUnixNano: 2,
		}}}},
	}}}
}

// httpSender sends by OTLP/HTTP with a plain http.Client.
type httpSender struct {
	client *http.Client
	url    string
	body   []byte // of the span with the number `placeholder`, which is put in place for each request
}

const placeholder = 0xfeedfacecafebeef

// connections says whether a sender keeps its connections.
type connections bool

const (
	kept  connections = true
	fresh connections = false // a new one for each request
)

// String is what is added to the name of a row.
func (c connections) String() string {
	if c == kept {
		return ""
	}
	return ", new connections"
}

func newHTTPSender(address string, c connections) *httpSender {
	body, _ := proto.Marshal(export(placeholder)) // a message of our own
	return &httpSender{
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: c == fresh, MaxIdleConnsPerHost: 64}},
		url:    "http://" + address + "/v1/traces", body: body,
	}
}

func (s *httpSender) send(ctx context.Context, id uint64) error {
	body := bytes.ReplaceAll(s.body, binary.BigEndian.AppendUint64(nil, placeholder), binary.BigEndian.AppendUint64(nil, id))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func (s *httpSender) close() { s.client.CloseIdleConnections() }

// grpcSender sends by OTLP/gRPC, over each of its connections in turn.
type grpcSender struct{ conns [4]*grpc.ClientConn }

func newGRPCSender(address string) (*grpcSender, error) {
	s := &grpcSender{}
	for i := range s.conns {
		conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, fmt.Errorf("make a gRPC client: %w", err)
		}
		s.conns[i] = conn
	}
	return s, nil
}

func (s *grpcSender) send(ctx context.Context, id uint64) error {
	conn := s.conns[id%uint64(len(s.conns))]
	if _, err := collectorpb.NewTraceServiceClient(conn).Export(ctx, export(id)); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func (s *grpcSender) close() {
	for _, conn := range s.conns {
		_ = conn.Close()
	}
}
