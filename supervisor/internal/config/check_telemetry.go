package config

import "fmt"

func (c *checker) telemetry() {
	t := c.Config.Telemetry
	c.bad(len(t.Logs.OutputPaths) == 0, "telemetry.logs.output_paths", "telemetry::logs::output_paths must name at least one output")
	for i, p := range t.Logs.Processors {
		c.processor(fmt.Sprintf("telemetry.logs.processors[%d]", i), p)
	}
	for i, p := range t.Traces.Processors {
		c.processor(fmt.Sprintf("telemetry.traces.processors[%d]", i), p)
	}
	for i, r := range t.Metrics.Readers {
		c.reader(fmt.Sprintf("telemetry.metrics.readers[%d]", i), r)
	}
}

func (c *checker) processor(key string, p Processor) {
	switch {
	case (p.Batch == nil) == (p.Simple == nil):
		c.problem(c.at(key), key, "must have exactly one of batch and simple")
	case p.Batch != nil && p.Batch.Exporter.OTLP == nil:
		c.unused(key + ".batch")
	case p.Simple != nil && p.Simple.Exporter.OTLP == nil:
		c.unused(key + ".simple")
	}
}

func (c *checker) reader(key string, r Reader) {
	switch {
	case (r.Periodic == nil) == (r.Pull == nil):
		c.problem(c.at(key), key, "must have exactly one of periodic and pull")
	case r.Periodic != nil && r.Periodic.Exporter.OTLP == nil:
		c.unused(key + ".periodic")
	case r.Pull != nil && r.Pull.Exporter.Prometheus == nil:
		c.unused(key + ".pull")
	}
}

// unused is a warning: another exporter, such as console, is no reason not to run.
func (c *checker) unused(key string) {
	c.warn(c.at(key), key, "has no exporter that is built in this version and has no effect")
}
