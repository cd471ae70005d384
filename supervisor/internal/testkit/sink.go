package testkit

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"
)

// Signal is one of the three kinds of telemetry.
type Signal string

// The signals of OTLP.
const (
	Metrics Signal = "metrics"
	Traces  Signal = "traces"
	Logs    Signal = "logs"
)

// Path is the URL path of the signal in OTLP/HTTP.
func (s Signal) Path() string { return "/v1/" + string(s) }

// Received is what an [OTLPSink] got of one signal.
type Received struct {
	Requests int
	Bytes    int // of the bodies, decompressed
	Last     []byte
	Header   http.Header // of the last request
}

// OTLPSink accepts OTLP/HTTP, protobuf or JSON, compressed with gzip or not, and looks into it only for the ids of [Load].
type OTLPSink struct {
	server *httptest.Server
	board
	received  map[Signal]Received
	delivered map[string]bool
}

// NewOTLPSink starts a sink on a free port of 127.0.0.1 and stops it with the test.
func NewOTLPSink(tb testing.TB) *OTLPSink {
	tb.Helper()
	s := &OTLPSink{received: map[Signal]Received{}, delivered: map[string]bool{}}
	mux := http.NewServeMux()
	for _, signal := range []Signal{Metrics, Traces, Logs} {
		mux.HandleFunc("POST "+signal.Path(), func(w http.ResponseWriter, r *http.Request) { s.accept(signal, w, r) })
	}
	s.server = httptest.NewServer(mux)
	tb.Cleanup(func() {
		s.server.CloseClientConnections()
		s.server.Close()
	})
	return s
}

// URL is the base URL, without a path, for an otlphttp exporter.
func (s *OTLPSink) URL() string { return s.server.URL }

// Received returns what came of a signal so far.
func (s *OTLPSink) Received(signal Signal) Received {
	var got Received
	s.read(func() { got = s.received[signal] })
	return got
}

// WaitFor waits until match is true of what was received of the signal; the test fails and ends if it is not within the timeout.
func (s *OTLPSink) WaitFor(tb testing.TB, signal Signal, timeout time.Duration, match func(Received) bool) Received {
	tb.Helper()
	var got Received
	if !s.wait(timeout, func() bool {
		got = s.received[signal]
		return match(got)
	}) {
		tb.Fatalf("within %s only %d requests with %d bytes of %s, none of which matched", timeout, got.Requests, got.Bytes, signal)
	}
	return got
}

// Missing waits until all ids were delivered, at most for the timeout, and returns those that were not. Its timeout passes only if
// something was lost.
func (s *OTLPSink) Missing(ids []string, timeout time.Duration) []string {
	var missing []string
	s.wait(timeout, func() bool {
		missing = missing[:0]
		for _, id := range ids {
			if !s.delivered[id] {
				missing = append(missing, id)
			}
		}
		return len(missing) == 0
	})
	return missing
}

func (s *OTLPSink) accept(signal Signal, w http.ResponseWriter, r *http.Request) {
	reader := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reader = unzip
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ids := loadID().FindAll(body, -1)
	s.update(func() {
		got := s.received[signal]
		s.received[signal] = Received{
			Requests: got.Requests + 1, Bytes: got.Bytes + len(body), Last: body, Header: r.Header.Clone(),
		}
		for _, id := range ids {
			s.delivered[string(id)] = true
		}
	})
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Type") == "application/json" {
		_, _ = io.WriteString(w, "{}")
	} // an empty body is the empty response in protobuf
}

// loadID matches what [Load] puts into bodies: it is found in protobuf and JSON alike.
func loadID() *regexp.Regexp {
	return regexp.MustCompile(`load-[0-9a-f]{16}-[0-9]{8}`)
}
