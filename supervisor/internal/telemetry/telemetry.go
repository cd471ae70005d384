package telemetry

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelzap"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// scope is the name of the instrumentation scope of everything opampd sends.
const scope = "opampd"

// Telemetry is the supervisor's own telemetry on its way to OTLP endpoints. All of its methods work, and do nothing,
// for a signal that is not configured.
type Telemetry struct {
	// Metrics are what opampd counts. Never nil after Start.
	Metrics *Instruments
	// Warnings are configured things that have no effect in this build, for the log.
	Warnings []string

	logs   *sdklog.LoggerProvider // nil: not configured
	tracer trace.Tracer           // nil: not configured
	stop   []func(context.Context) error
}

// Start builds the pipelines that s asks for and starts nothing else. It does not touch the network: an endpoint that
// does not answer costs dropped records, told to s.Console, and never blocks a caller. An error is about a file or a
// value of s, and leaves nothing running.
func Start(ctx context.Context, s Settings) (*Telemetry, error) {
	t := &Telemetry{Metrics: &Instruments{}}
	var logs, traces, metrics []string
	s.Logs, logs = usable("telemetry.logs.processors", s.Logs)
	s.Traces, traces = usable("telemetry.traces.processors", s.Traces)
	s.Metrics, metrics = usable("telemetry.metrics.readers", s.Metrics)
	t.Warnings = slices.Concat(logs, traces, metrics)
	if len(s.Logs)+len(s.Traces)+len(s.Metrics) == 0 {
		return t, nil
	}
	if s.Console != nil {
		reportTo(s.Console)
	}
	if err := t.start(ctx, s); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	return t, nil
}

func (t *Telemetry) start(ctx context.Context, s Settings) error {
	res, err := describe(ctx, s)
	if err != nil {
		t.Warnings = append(t.Warnings, err.Error())
	}
	for _, signal := range []struct {
		wanted bool
		start  func() error
	}{
		{len(s.Logs) > 0, func() error { return t.startLogs(ctx, s.Logs, res) }},
		{len(s.Traces) > 0, func() error { return t.startTraces(ctx, s.Traces, res) }},
		{len(s.Metrics) > 0, func() error { return t.startMetrics(ctx, s.Metrics, res) }},
	} {
		if !signal.wanted {
			continue
		}
		if err := signal.start(); err != nil {
			return err
		}
	}
	return nil
}

// Logger returns a logger that writes where console does and, when logs are configured, sends the same records over
// OTLP; the level of console counts for both.
func (t *Telemetry) Logger(console *zap.Logger) *zap.Logger {
	if t == nil || t.logs == nil {
		return console
	}
	return console.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		bridge, err := zapcore.NewIncreaseLevelCore(otelzap.NewCore(scope, otelzap.WithLoggerProvider(t.logs)), core)
		if err != nil {
			return core // an SDK that is shut down takes no level at all
		}
		return zapcore.NewTee(core, bridge)
	}))
}

// Span records work that is over, such as the application of a configuration. A failure that is not nil becomes the
// status of the span. Attributes leave the host: no secrets.
func (t *Telemetry) Span(name string, start, end time.Time, failure error, attributes map[string]string) {
	if t == nil || t.tracer == nil {
		return
	}
	var kv []attribute.KeyValue
	for k, v := range attributes {
		kv = append(kv, attribute.String(k, v))
	}
	_, span := t.tracer.Start(context.Background(), name, trace.WithTimestamp(start), trace.WithAttributes(kv...))
	if failure != nil {
		span.SetStatus(codes.Error, shorten(failure.Error()))
	}
	span.End(trace.WithTimestamp(end))
}

// Shutdown sends what is still queued and stops, all signals at once so that one dead endpoint does not take the time
// of the others. It returns when that is done or when ctx ends; the error says what could not be sent.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	failures := make([]error, len(t.stop))
	var all sync.WaitGroup
	for i, stop := range t.stop {
		all.Go(func() { failures[i] = stop(ctx) })
	}
	all.Wait()
	return errors.Join(failures...)
}
