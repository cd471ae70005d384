package telemetry

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func logsTo(s *sink) Settings {
	return Settings{Logs: []Processor{{Simple: true, Delay: time.Hour, Exporter: OTLP{Endpoint: s.URL}}}}
}

func TestNothingIsStartedWhenNothingIsConfigured(t *testing.T) {
	t.Parallel()
	tel := start(t, Settings{Resource: map[string]string{"a": "b"}})
	console := zap.NewNop()
	assert.Empty(t, tel.stop)
	assert.Same(t, console, tel.Logger(console))
	tel.Span("nobody sees it", time.Now(), time.Now(), nil, nil)
	tel.Metrics.CollectorStarted("first")
	assert.NoError(t, tel.Shutdown(t.Context()))
}

func TestNilTelemetryDoesNothing(t *testing.T) {
	t.Parallel()
	var tel *Telemetry
	console := zap.NewNop()
	assert.Same(t, console, tel.Logger(console))
	tel.Span("nobody sees it", time.Now(), time.Now(), nil, nil)
	assert.NoError(t, tel.Shutdown(t.Context()))
}

func TestLogRecordsAreSentAndStillWrittenToTheConsole(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	core, seen := observer.New(zap.InfoLevel)
	start(t, logsTo(s)).Logger(zap.New(core)).Warn("disk is full", zap.String("path", "/var"))

	r := s.next(t)
	assert.Equal(t, "/v1/logs", r.path)
	got := records(t, r)[0]
	assert.Equal(t, "disk is full", got.Body.GetStringValue())
	assert.Equal(t, logspb.SeverityNumber_SEVERITY_NUMBER_WARN, got.SeverityNumber)
	assert.Equal(t, "/var", attributes(got.Attributes)["path"])
	assert.Equal(t, 1, seen.FilterMessage("disk is full").Len())
}

func TestTheLevelOfTheConsoleCountsForWhatIsSent(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	core, _ := observer.New(zap.WarnLevel)
	log := start(t, logsTo(s)).Logger(zap.New(core))
	log.Info("chatter")
	log.Named("collector").Info("chatter of another")
	log.Error("trouble")
	assert.Equal(t, "trouble", records(t, s.next(t))[0].Body.GetStringValue())
}

func TestShutdownSendsWhatABatchHolds(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	tel := start(t, Settings{Logs: []Processor{{Delay: time.Hour, Exporter: OTLP{Endpoint: s.URL}}}})
	log := tel.Logger(zap.NewExample(zap.WrapCore(quiet)))
	log.Info("one")
	log.Info("two")
	flush(t, tel)
	assert.Len(t, records(t, s.next(t)), 2)
}

func TestASpanCarriesItsTimesAndItsFailure(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	tel := start(t, Settings{Traces: []Processor{{Simple: true, Delay: time.Hour, Exporter: OTLP{Endpoint: s.URL}}}})
	from := time.Unix(1000, 0)
	tel.Span("apply configuration", from, from.Add(2*time.Second), errors.New("port taken"), map[string]string{"hash": "ab"})

	r := s.next(t)
	assert.Equal(t, "/v1/traces", r.path)
	got := spans(t, r)[0]
	assert.Equal(t, "apply configuration", got.Name)
	assert.Equal(t, uint64(2*time.Second), got.EndTimeUnixNano-got.StartTimeUnixNano)
	assert.Equal(t, tracepb.Status_STATUS_CODE_ERROR, got.Status.Code)
	assert.Equal(t, "port taken", got.Status.Message)
	assert.Equal(t, map[string]string{"hash": "ab"}, attributes(got.Attributes))
}

func TestWhatIsNotBuiltInIsAWarningAndTheRestRuns(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	settings := logsTo(s)
	settings.Logs = append(settings.Logs, Processor{Exporter: OTLP{Protocol: "grpc"}})
	settings.Metrics = []Reader{{Pull: true}}
	settings.Traces = []Processor{{Exporter: OTLP{Protocol: "http/json"}}}
	tel := start(t, settings)
	assert.Equal(t, []string{
		"telemetry.logs.processors[1]: protocol grpc is not built in; use http/protobuf",
		"telemetry.traces.processors[0]: protocol http/json is not built in; use http/protobuf",
		"telemetry.metrics.readers[0]: pull is not built in; use periodic with exporter.otlp, protocol http/protobuf",
	}, tel.Warnings)
	assert.Len(t, tel.stop, 1)
}

func TestADeadEndpointNeitherBlocksLoggingNorShutdown(t *testing.T) {
	t.Parallel()
	dead := OTLP{Endpoint: "http://" + blackHole(t)}
	tel := start(t, Settings{
		Logs:    []Processor{{Simple: true, QueueSize: 16, Exporter: dead}},
		Traces:  []Processor{{Simple: true, QueueSize: 16, Exporter: dead}},
		Metrics: []Reader{{Exporter: dead}},
	})
	log := tel.Logger(zap.NewExample(zap.WrapCore(quiet)))
	for range 5000 { // far more than the queues hold
		log.Info("x")
		tel.Span("x", time.Now(), time.Now(), nil, nil)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, tel.Shutdown(ctx), context.DeadlineExceeded)
}

func TestAFaultInOneSignalLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	settings := logsTo(s)
	settings.Traces = []Processor{{Exporter: OTLP{Endpoint: s.URL}}, {Exporter: OTLP{Endpoint: "ftp://user:secret@host"}}}
	tel, err := Start(t.Context(), settings)
	assert.Nil(t, tel)
	require.ErrorContains(t, err, "telemetry.traces.processors[1]: endpoint must be a URL")
	assert.NotContains(t, err.Error(), "secret")
}
