package telemetry

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The SDK's own simple processors export in the caller's goroutine: a dead endpoint would hold up the supervisor for
// seconds with each log line. A batch of one is the same to the receiver and never blocks.

func (t *Telemetry) startLogs(ctx context.Context, processors []Processor, res *resource.Resource) error {
	exporters, err := each("telemetry.logs.processors", processors, func(p Processor) (*otlploghttp.Exporter, error) {
		return logExporter(ctx, p.Exporter)
	})
	if err != nil {
		return err
	}
	options := []sdklog.LoggerProviderOption{sdklog.WithResource(res)}
	for i, p := range processors {
		if p.Simple {
			p.BatchSize = 1
		}
		var batch []sdklog.BatchProcessorOption
		batch = set(batch, p.Delay, sdklog.WithExportInterval)
		batch = set(batch, p.ExportTimeout, sdklog.WithExportTimeout)
		batch = set(batch, p.QueueSize, sdklog.WithMaxQueueSize)
		batch = set(batch, p.BatchSize, sdklog.WithExportMaxBatchSize)
		options = append(options, sdklog.WithProcessor(sdklog.NewBatchProcessor(exporters[i], batch...)))
	}
	t.logs = sdklog.NewLoggerProvider(options...)
	t.stop = append(t.stop, t.logs.Shutdown)
	return nil
}

func (t *Telemetry) startTraces(ctx context.Context, processors []Processor, res *resource.Resource) error {
	exporters, err := each("telemetry.traces.processors", processors, func(p Processor) (sdktrace.SpanExporter, error) {
		return spanExporter(ctx, p.Exporter)
	})
	if err != nil {
		return err
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	for i, p := range processors {
		if p.Simple {
			p.BatchSize = 1
		}
		var batch []sdktrace.BatchSpanProcessorOption
		batch = set(batch, p.Delay, sdktrace.WithBatchTimeout)
		batch = set(batch, p.ExportTimeout, sdktrace.WithExportTimeout)
		batch = set(batch, p.QueueSize, sdktrace.WithMaxQueueSize)
		batch = set(batch, p.BatchSize, sdktrace.WithMaxExportBatchSize)
		options = append(options, sdktrace.WithBatcher(exporters[i], batch...))
	}
	provider := sdktrace.NewTracerProvider(options...)
	t.tracer = provider.Tracer(scope)
	t.stop = append(t.stop, provider.Shutdown)
	return nil
}

func (t *Telemetry) startMetrics(ctx context.Context, readers []Reader, res *resource.Resource) error {
	exporters, err := each("telemetry.metrics.readers", readers, func(r Reader) (sdkmetric.Exporter, error) {
		return metricExporter(ctx, r.Exporter)
	})
	if err != nil {
		return err
	}
	options := []sdkmetric.Option{sdkmetric.WithResource(res)}
	for i, r := range readers {
		var periodic []sdkmetric.PeriodicReaderOption
		periodic = set(periodic, r.Interval, sdkmetric.WithInterval)
		periodic = set(periodic, r.Timeout, sdkmetric.WithTimeout)
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporters[i], periodic...)))
	}
	provider := sdkmetric.NewMeterProvider(options...)
	t.stop = append(t.stop, provider.Shutdown)
	t.Metrics, err = newInstruments(provider.Meter(scope))
	return err
}

// each makes all exporters before anything runs, so that a fault in the last leaves nothing to stop.
func each[T, E any](key string, all []T, exporter func(T) (E, error)) ([]E, error) {
	made := make([]E, len(all))
	for i, one := range all {
		var err error
		if made[i], err = exporter(one); err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", key, i, err)
		}
	}
	return made, nil
}

func logExporter(ctx context.Context, o OTLP) (*otlploghttp.Exporter, error) {
	opts, err := options(o, with[otlploghttp.Option]{
		path: "/v1/logs", url: otlploghttp.WithEndpointURL, insecure: otlploghttp.WithInsecure, tls: otlploghttp.WithTLSClientConfig,
		headers: otlploghttp.WithHeaders, timeout: otlploghttp.WithTimeout,
		gzip: otlploghttp.WithCompression(otlploghttp.GzipCompression),
		none: otlploghttp.WithCompression(otlploghttp.NoCompression),
	})
	if err != nil {
		return nil, err
	}
	return otlploghttp.New(ctx, opts...) //nolint:wrapcheck // the caller names the processor
}

func spanExporter(ctx context.Context, o OTLP) (sdktrace.SpanExporter, error) {
	opts, err := options(o, with[otlptracehttp.Option]{
		path: "/v1/traces", url: otlptracehttp.WithEndpointURL, insecure: otlptracehttp.WithInsecure, tls: otlptracehttp.WithTLSClientConfig,
		headers: otlptracehttp.WithHeaders, timeout: otlptracehttp.WithTimeout,
		gzip: otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		none: otlptracehttp.WithCompression(otlptracehttp.NoCompression),
	})
	if err != nil {
		return nil, err
	}
	return otlptracehttp.New(ctx, opts...) //nolint:wrapcheck // the caller names the processor
}

func metricExporter(ctx context.Context, o OTLP) (sdkmetric.Exporter, error) {
	opts, err := options(o, with[otlpmetrichttp.Option]{
		path: "/v1/metrics", url: otlpmetrichttp.WithEndpointURL, insecure: otlpmetrichttp.WithInsecure, tls: otlpmetrichttp.WithTLSClientConfig,
		headers: otlpmetrichttp.WithHeaders, timeout: otlpmetrichttp.WithTimeout,
		gzip: otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression),
		none: otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression),
	})
	if err != nil {
		return nil, err
	}
	switch o.Temporality {
	case "delta":
		opts = append(opts, otlpmetrichttp.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	case "lowmemory":
		opts = append(opts, otlpmetrichttp.WithTemporalitySelector(sdkmetric.LowMemoryTemporalitySelector))
	case "cumulative":
		opts = append(opts, otlpmetrichttp.WithTemporalitySelector(sdkmetric.CumulativeTemporalitySelector))
	}
	return otlpmetrichttp.New(ctx, opts...) //nolint:wrapcheck // the caller names the reader
}
