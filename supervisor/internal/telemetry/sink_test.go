package telemetry

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const patience = 20 * time.Second

// request is one export as a receiver sees it.
type request struct {
	path   string
	header http.Header
	body   []byte
}

// sink is an OTLP/HTTP receiver that answers every export with status.
type sink struct {
	*httptest.Server
	requests chan request
}

func newSink(t *testing.T, status int) *sink {
	t.Helper()
	s := &sink{requests: make(chan request, 10_000)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests <- request{r.URL.Path, r.Header, body(r)}
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func startSink(t *testing.T) *sink {
	t.Helper()
	s := newSink(t, http.StatusOK)
	s.Start()
	return s
}

func body(r *http.Request) []byte {
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil
		}
		from = unzipped
	}
	all, _ := io.ReadAll(from)
	return all
}

// next waits for an export.
func (s *sink) next(t *testing.T) request {
	t.Helper()
	select {
	case r := <-s.requests:
		return r
	case <-time.After(patience):
		require.FailNow(t, "nothing was exported")
		return request{}
	}
}

func (s *sink) certificate(t *testing.T) string {
	t.Helper()
	return writePEM(t, "CERTIFICATE", s.Certificate().Raw)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

func decode[M proto.Message](t *testing.T, r request, m M) M {
	t.Helper()
	require.NoError(t, proto.Unmarshal(r.body, m))
	return m
}

func records(t *testing.T, r request) []*logspb.LogRecord {
	t.Helper()
	return decode(t, r, &logspb.LogsData{}).ResourceLogs[0].ScopeLogs[0].LogRecords
}

func spans(t *testing.T, r request) []*tracepb.Span {
	t.Helper()
	return decode(t, r, &tracepb.TracesData{}).ResourceSpans[0].ScopeSpans[0].Spans
}

func metrics(t *testing.T, r request) map[string]*metricspb.Metric {
	t.Helper()
	byName := map[string]*metricspb.Metric{}
	for _, m := range decode(t, r, &metricspb.MetricsData{}).ResourceMetrics[0].ScopeMetrics[0].Metrics {
		byName[m.Name] = m
	}
	return byName
}

func attributes(kvs []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range kvs {
		all[kv.Key] = kv.Value.GetStringValue()
	}
	return all
}

func start(t *testing.T, s Settings) *Telemetry {
	t.Helper()
	tel, err := Start(t.Context(), s)
	require.NoError(t, err)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = tel.Shutdown(ended) // the end of a test is no time to wait for a dead endpoint
	})
	return tel
}

// flush sends what is queued.
func flush(t *testing.T, tel *Telemetry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, tel.Shutdown(ctx))
}
