package config

import "slices"

func telemetryKeys() []Key {
	return slices.Concat([]Key{
		{Path: "telemetry.logs.level", Type: String, Default: "info", Meaning: "lowest level that is logged", Allowed: []string{"debug", "info", "warn", "error", "dpanic", "panic", "fatal"}},
		{Path: "telemetry.logs.output_paths", Type: Strings, Default: []string{"stdout"}, Meaning: "where log lines go: `stdout`, `stderr` or paths"},
		{Path: "telemetry.logs.error_output_paths", Type: Strings, Default: []string{"stderr"}, Meaning: "where the logger's own errors go"},
		{Path: "telemetry.logs.encoding", Type: String, Default: "json", Meaning: "form of a log line", Allowed: []string{"json", "console"}},
		{Path: "telemetry.logs.processors", Type: Sections, Meaning: "where log records go over OTLP"},
	}, processorKeys("telemetry.logs.processors[]"), []Key{
		{Path: "telemetry.metrics.level", Type: String, Meaning: "`none` switches the readers off", Allowed: levels()},
		{Path: "telemetry.metrics.readers", Type: Sections, Meaning: "where metrics go"},
	}, readerKeys("telemetry.metrics.readers[]"), []Key{
		{Path: "telemetry.traces.level", Type: String, Meaning: "`none` switches the processors off", Allowed: levels()},
		{Path: "telemetry.traces.propagators", Type: Strings, Meaning: "names of context propagators: `tracecontext`, `b3`"},
		{Path: "telemetry.traces.sampler", Type: Any, Status: Accepted, Meaning: "every span is sampled"},
		{Path: "telemetry.traces.processors", Type: Sections, Meaning: "where spans go"},
	}, processorKeys("telemetry.traces.processors[]"), []Key{
		{Path: "telemetry.resource", Type: Attributes, Meaning: "resource attributes of the supervisor's telemetry; an empty value removes one of `service.name`, `service.instance.id`"},
	})
}

func levels() []string { return []string{"none", "basic", "normal", "detailed"} }

func processorKeys(at string) []Key {
	return slices.Concat([]Key{
		{Path: at + ".batch.schedule_delay", Type: Milliseconds, Meaning: "time between exports"},
		{Path: at + ".batch.export_timeout", Type: Milliseconds, Meaning: "time one export may take"},
		{Path: at + ".batch.max_queue_size", Type: Int, Meaning: "records kept while an export is under way"},
		{Path: at + ".batch.max_export_batch_size", Type: Int, Meaning: "records in one export"},
	}, otlpKeys(at+".batch"), otlpKeys(at+".simple"))
}

func readerKeys(at string) []Key {
	prometheus := at + ".pull.exporter.prometheus"
	keys := slices.Concat([]Key{
		{Path: at + ".periodic.interval", Type: Milliseconds, Meaning: "time between exports"},
		{Path: at + ".periodic.timeout", Type: Milliseconds, Meaning: "time one export may take"},
	}, otlpKeys(at+".periodic"), []Key{
		{Path: prometheus + ".host", Type: String, Meaning: "address to be scraped at"},
		{Path: prometheus + ".port", Type: Int, Meaning: "port to be scraped at"},
	})
	for _, name := range []string{"with_resource_constant_labels", "without_scope_info", "without_type_suffix", "without_units"} {
		keys = append(keys, Key{Path: prometheus + "." + name, Type: Any, Status: Accepted, Meaning: "names and labels keep the exporter's default form"})
	}
	return keys
}

func otlpKeys(processor string) []Key {
	at := processor + ".exporter.otlp"
	return []Key{
		{Path: at + ".protocol", Type: String, Meaning: "how it is sent", Allowed: []string{"grpc", "http/protobuf", "http/json"}},
		{Path: at + ".endpoint", Type: String, Meaning: "URL of the receiver"},
		{Path: at + ".insecure", Type: Bool, Meaning: "no TLS"},
		{Path: at + ".certificate", Type: String, Meaning: "CA certificates to trust, path"},
		{Path: at + ".client_certificate", Type: String, Meaning: "client certificate, path"},
		{Path: at + ".client_key", Type: String, Meaning: "its key, path"},
		{Path: at + ".headers", Type: HeaderMap, Secret: true, Meaning: "sent with every export; a map, or a list of `{name, value}`"},
		{Path: at + ".headers_list", Type: Any, Status: Accepted, Secret: true, Meaning: "these headers are not sent; write them under `headers`"},
		{Path: at + ".compression", Type: String, Meaning: "compression of exports", Allowed: []string{"none", "gzip"}},
		{Path: at + ".timeout", Type: Milliseconds, Meaning: "time one request may take"},
		{Path: at + ".temporality_preference", Type: String, Meaning: "temporality of metrics", Allowed: []string{"cumulative", "delta", "lowmemory"}},
		{Path: at + ".default_histogram_aggregation", Type: Any, Status: Accepted, Meaning: "histograms keep explicit buckets"},
	}
}
