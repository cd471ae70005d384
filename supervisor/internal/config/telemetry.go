package config

import "time"

// Telemetry is the supervisor's own telemetry: the common OTLP part of the OpenTelemetry declarative configuration
// (otelconf v0.3.0), as far as the reference supervisor takes it.
type Telemetry struct {
	Logs    Logs    `koanf:"logs"`
	Metrics Metrics `koanf:"metrics"`
	Traces  Traces  `koanf:"traces"`
	// Resource are attributes to add; an empty value removes one that would be there by default.
	Resource map[string]string `koanf:"resource"`
}

// Logs are the supervisor's own log lines.
type Logs struct {
	Level            string      `koanf:"level"` // a zap level, lower case
	OutputPaths      []string    `koanf:"output_paths"`
	ErrorOutputPaths []string    `koanf:"error_output_paths"`
	Encoding         string      `koanf:"encoding"` // json or console
	Processors       []Processor `koanf:"processors"`
}

// Metrics are the supervisor's own metrics.
type Metrics struct {
	Level   string   `koanf:"level"` // "none" switches the readers off
	Readers []Reader `koanf:"readers"`
}

// Traces are the supervisor's own spans.
type Traces struct {
	Level       string      `koanf:"level"` // "none" switches the processors off
	Propagators []string    `koanf:"propagators"`
	Processors  []Processor `koanf:"processors"`
}

// Processor passes log records or spans on; exactly one of its fields is set.
type Processor struct {
	Batch  *BatchProcessor  `koanf:"batch"`
	Simple *SimpleProcessor `koanf:"simple"`
}

// BatchProcessor exports in batches. Zero values leave the choice to the SDK.
type BatchProcessor struct {
	ScheduleDelay      time.Duration `koanf:"schedule_delay"`
	ExportTimeout      time.Duration `koanf:"export_timeout"`
	MaxQueueSize       int           `koanf:"max_queue_size"`
	MaxExportBatchSize int           `koanf:"max_export_batch_size"`
	Exporter           Exporter      `koanf:"exporter"`
}

// SimpleProcessor exports each record at once.
type SimpleProcessor struct {
	Exporter Exporter `koanf:"exporter"`
}

// Reader collects metrics; exactly one of its fields is set.
type Reader struct {
	Periodic *PeriodicReader `koanf:"periodic"`
	Pull     *PullReader     `koanf:"pull"`
}

// PeriodicReader pushes metrics. Zero durations leave the choice to the SDK.
type PeriodicReader struct {
	Interval time.Duration `koanf:"interval"`
	Timeout  time.Duration `koanf:"timeout"`
	Exporter Exporter      `koanf:"exporter"`
}

// PullReader is scraped.
type PullReader struct {
	Exporter struct {
		Prometheus *Prometheus `koanf:"prometheus"`
	} `koanf:"exporter"`
}

// Prometheus is where metrics can be scraped.
type Prometheus struct {
	Host string `koanf:"host"`
	Port int    `koanf:"port"`
}

// Exporter is where telemetry goes.
type Exporter struct {
	OTLP *OTLP `koanf:"otlp"`
}

// OTLP is one OTLP exporter. Empty fields leave the choice to the SDK and its OTEL_ environment.
type OTLP struct {
	Protocol          string        `koanf:"protocol"` // grpc, http/protobuf or http/json
	Endpoint          string        `koanf:"endpoint"`
	Insecure          bool          `koanf:"insecure"`
	Certificate       string        `koanf:"certificate"` // path of the CA certificates
	ClientCertificate string        `koanf:"client_certificate"`
	ClientKey         string        `koanf:"client_key"`
	Headers           Headers       `koanf:"headers"`
	Compression       string        `koanf:"compression"`
	Timeout           time.Duration `koanf:"timeout"`
	Temporality       string        `koanf:"temporality_preference"`
}
