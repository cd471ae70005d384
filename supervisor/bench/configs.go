package main

import "fmt"

// pipeline is a Collector configuration: OTLP in, batches, OTLP/HTTP out, and what is added to that.
type pipeline struct {
	batchSize            int
	receivers, exporters string // names in the pipeline, after those above
	moreReceivers        string // YAML below `receivers:`
	moreExporters        string
}

func (s *site) yamlOf(p pipeline) string {
	return fmt.Sprintf(`receivers:
  otlp: {protocols: {http: {endpoint: %q}, grpc: {endpoint: %q}}}
%sprocessors:
  batch: {timeout: 50ms, send_batch_size: %d}
exporters:
  otlphttp: {endpoint: %q, compression: none, retry_on_failure: {enabled: false}}
%sservice:
  pipelines:
    traces: {receivers: [otlp%s], processors: [batch], exporters: [otlphttp%s]}
`, s.http, s.grpc, p.moreReceivers, p.batchSize, s.sink.url, p.moreExporters, p.receivers, p.exporters)
}

// good returns a configuration that differs in meaning from all before it.
func (s *site) good() string {
	s.offers++
	return s.yamlOf(pipeline{batchSize: 1000 + s.offers})
}

// bad is a configuration that the Collector rejects. taken is a host:port where somebody listens already.
type bad struct {
	kind   string
	config func(s *site, taken string) string
}

func bads() []bad {
	return []bad{
		{"not YAML", func(*site, string) string { return "receivers: [otlp\n  : }{" }},
		{"unknown component", func(s *site, _ string) string {
			return s.yamlOf(pipeline{batchSize: 1, exporters: ", nosuch", moreExporters: "  nosuch:\n"})
		}},
		{"dangling reference", func(s *site, _ string) string {
			return s.yamlOf(pipeline{batchSize: 1, receivers: ", otlp/missing"})
		}},
		{"port already taken", func(s *site, taken string) string {
			second := fmt.Sprintf("  otlp/second: {protocols: {http: {endpoint: %q}}}\n", taken)
			return s.yamlOf(pipeline{batchSize: 1, receivers: ", otlp/second", moreReceivers: second})
		}},
		{"starts and dies", func(s *site, _ string) string { // there is no such directory
			file := "  file: {path: /nonexistent/opampd-bench/out.json}\n"
			return s.yamlOf(pipeline{batchSize: 1, exporters: ", file", moreExporters: file})
		}},
	}
}
