package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Definition is one metric of opampd, for its documentation.
type Definition struct{ Name, Kind, Unit, Meaning string }

// The metrics.
const (
	metricStarts     = "opampd.collector.starts"
	metricCrashes    = "opampd.collector.crashes"
	metricHealthy    = "opampd.collector.healthy"
	metricApplies    = "opampd.config.applies"
	metricApplyTime  = "opampd.config.apply.duration"
	metricConnected  = "opampd.server.connected"
	metricStorage    = "opampd.storage.ok"
	metricMemory     = "process.memory.usage"
	metricCPU        = "process.cpu.time"
	metricUptime     = "process.uptime"
	attributeReason  = "opampd.collector.start.reason"
	attributeResult  = "opampd.config.apply.result"
	attributeCPUMode = "cpu.mode"
)

// Definitions lists every metric that opampd sends; names and units follow the semantic conventions.
func Definitions() []Definition {
	return []Definition{
		{metricStarts, "counter", "{start}", "launches of the Collector, by opampd.collector.start.reason: first, crash, config, command"},
		{metricCrashes, "counter", "{crash}", "times the Collector ended without being asked to"},
		{metricHealthy, "gauge", "1", "1 while the Collector runs and reports itself healthy, else 0"},
		{metricApplies, "counter", "{apply}", "remote configurations with a verdict, by opampd.config.apply.result: applied, failed, superseded"},
		{metricApplyTime, "histogram", "s", "time from taking up a remote configuration to its verdict, by opampd.config.apply.result"},
		{metricConnected, "gauge", "1", "1 while the OpAMP server is connected, else 0"},
		{metricStorage, "gauge", "1", "1 while state can be saved, else 0"},
		{metricMemory, "updowncounter", "By", "resident memory of opampd itself (Linux)"},
		{metricCPU, "counter", "s", "CPU time of opampd itself, by cpu.mode: user, system (Linux)"},
		{metricUptime, "gauge", "s", "time since opampd was started"},
	}
}

// Instruments are the metrics that only the caller can feed. The zero value and nil count nothing. Gauges are sent once
// they have been set, so that 0 always means no and never not yet known.
type Instruments struct {
	starts, crashes, applies    metric.Int64Counter
	healthy, connected, storage metric.Int64Gauge
	applyTime                   metric.Float64Histogram
}

// CollectorStarted counts a launch; reason is one word of a small fixed set: each new one is a time series for ever.
func (i *Instruments) CollectorStarted(reason string) {
	if i != nil && i.starts != nil {
		i.starts.Add(context.Background(), 1, metric.WithAttributes(attribute.String(attributeReason, reason)))
	}
}

// CollectorCrashed counts an end that nobody asked for.
func (i *Instruments) CollectorCrashed() {
	if i != nil && i.crashes != nil {
		i.crashes.Add(context.Background(), 1)
	}
}

// CollectorHealthy says whether the Collector runs and is well.
func (i *Instruments) CollectorHealthy(yes bool) {
	if i != nil {
		gauge(i.healthy, yes)
	}
}

// ConfigApplied counts a verdict on a remote configuration (applied, failed or superseded) and the time it took.
func (i *Instruments) ConfigApplied(result string, took time.Duration) {
	if i == nil || i.applies == nil {
		return
	}
	by := metric.WithAttributes(attribute.String(attributeResult, result))
	i.applies.Add(context.Background(), 1, by)
	i.applyTime.Record(context.Background(), took.Seconds(), by)
}

// ServerConnected says whether the OpAMP server is connected.
func (i *Instruments) ServerConnected(yes bool) {
	if i != nil {
		gauge(i.connected, yes)
	}
}

// StorageOK says whether state can be saved.
func (i *Instruments) StorageOK(yes bool) {
	if i != nil {
		gauge(i.storage, yes)
	}
}

func gauge(g metric.Int64Gauge, yes bool) {
	if g == nil {
		return
	}
	value := int64(0)
	if yes {
		value = 1
	}
	g.Record(context.Background(), value)
}

// newInstruments makes all metrics, those of the process itself too. An error is a fault of this package.
func newInstruments(m metric.Meter) (*Instruments, error) {
	about := map[string]instrument{}
	for _, d := range Definitions() {
		about[d.Name] = instrument{metric.WithUnit(d.Unit), metric.WithDescription(d.Meaning)}
	}
	i := &Instruments{}
	var failures [8]error
	i.starts, failures[0] = m.Int64Counter(metricStarts, about[metricStarts].unit, about[metricStarts].meaning)
	i.crashes, failures[1] = m.Int64Counter(metricCrashes, about[metricCrashes].unit, about[metricCrashes].meaning)
	i.applies, failures[2] = m.Int64Counter(metricApplies, about[metricApplies].unit, about[metricApplies].meaning)
	i.healthy, failures[3] = m.Int64Gauge(metricHealthy, about[metricHealthy].unit, about[metricHealthy].meaning)
	i.connected, failures[4] = m.Int64Gauge(metricConnected, about[metricConnected].unit, about[metricConnected].meaning)
	i.storage, failures[5] = m.Int64Gauge(metricStorage, about[metricStorage].unit, about[metricStorage].meaning)
	i.applyTime, failures[6] = m.Float64Histogram(metricApplyTime, about[metricApplyTime].unit, about[metricApplyTime].meaning,
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60))
	failures[7] = observeProcess(m, about)
	return i, errors.Join(failures[:]...)
}

// instrument are the options that every kind of instrument takes.
type instrument struct {
	unit    metric.InstrumentOption
	meaning metric.InstrumentOption
}
