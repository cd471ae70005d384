package telemetry

import (
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Settings say where the supervisor's own telemetry goes. The zero value means nowhere: nothing is started then.
type Settings struct {
	Version    string            // service.version; empty leaves it out
	InstanceID string            // service.instance.id; empty means a random one, as in the reference supervisor
	Resource   map[string]string // telemetry.resource: more attributes; an empty value removes one
	Logs       []Processor
	Traces     []Processor
	Metrics    []Reader
	// Console hears about exports that fail, one line a minute at most. It must not be what Telemetry.Logger returns:
	// failures would feed the very pipeline that fails. nil means nobody hears.
	Console *zap.Logger
}

// Processor passes log records or spans on to one exporter, in batches or each by itself. Zero values leave the choice to the SDK.
type Processor struct {
	Simple               bool // one record at a time and at once, in the background all the same
	Delay, ExportTimeout time.Duration
	QueueSize, BatchSize int
	Exporter             OTLP
}

// Reader pushes metrics to one exporter. Zero durations leave the choice to the SDK.
type Reader struct {
	Pull              bool // a Prometheus endpoint, which is not built in: a warning
	Interval, Timeout time.Duration
	Exporter          OTLP
}

// OTLP is one exporter over HTTP. Empty fields leave the choice to the SDK and its OTEL_EXPORTER_OTLP_ environment.
type OTLP struct {
	Protocol          string // empty or http/protobuf; anything else is a warning
	Endpoint          string // URL or host:port; the usual path of the signal is used when it has none
	Insecure          bool   // plain HTTP where Endpoint has no scheme
	Certificate       string // path of the CA certificates, PEM
	ClientCertificate string // path, PEM
	ClientKey         string // path, PEM
	Headers           map[string]string
	Compression       string // gzip or none
	Timeout           time.Duration
	Temporality       string // of metrics: cumulative, delta or lowmemory
}

const protobuf = "http/protobuf"

// fault says why the exporter at key cannot be used by this build, or nothing. OTLP over gRPC would make the binary
// 1 MB larger for what http/protobuf does as well.
func (o OTLP) fault(key string) string {
	if o.Protocol == "" || o.Protocol == protobuf {
		return ""
	}
	return fmt.Sprintf("%s: protocol %s is not built in; use %s", key, o.Protocol, protobuf)
}

func (p Processor) fault(key string) string { return p.Exporter.fault(key) }

// fault counts a Prometheus endpoint among what is missing: it would cost 1 MB of binary and 1.3 MB of memory.
func (r Reader) fault(key string) string {
	if r.Pull {
		return key + ": pull is not built in; use periodic with exporter.otlp, protocol " + protobuf
	}
	return r.Exporter.fault(key)
}

// usable splits what is configured into what this build can do and warnings about the rest: an old file must not keep
// the supervisor from running.
func usable[T interface{ fault(key string) string }](key string, all []T) (good []T, warnings []string) {
	for i, one := range all {
		if fault := one.fault(fmt.Sprintf("%s[%d]", key, i)); fault != "" {
			warnings = append(warnings, fault)
			continue
		}
		good = append(good, one)
	}
	return good, warnings
}
