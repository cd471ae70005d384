package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// usage is what opampd itself takes of the machine.
type usage struct {
	memory       int64 // resident bytes
	user, system time.Duration
}

// observeProcess makes the metrics of opampd itself, read whenever metrics are collected. What the platform cannot
// tell is left out.
func observeProcess(m metric.Meter, about map[string]instrument) error {
	started := time.Now()
	user := metric.WithAttributes(attribute.String(attributeCPUMode, "user"))
	system := metric.WithAttributes(attribute.String(attributeCPUMode, "system"))
	memory, noMemory := m.Int64ObservableUpDownCounter(metricMemory, about[metricMemory].unit, about[metricMemory].meaning)
	cpu, noCPU := m.Float64ObservableCounter(metricCPU, about[metricCPU].unit, about[metricCPU].meaning)
	uptime, noUptime := m.Float64ObservableGauge(metricUptime, about[metricUptime].unit, about[metricUptime].meaning)
	if err := errors.Join(noMemory, noCPU, noUptime); err != nil {
		return err
	}
	_, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveFloat64(uptime, time.Since(started).Seconds())
		if used, ok := ownUsage(); ok {
			o.ObserveInt64(memory, used.memory)
			o.ObserveFloat64(cpu, used.user.Seconds(), user)
			o.ObserveFloat64(cpu, used.system.Seconds(), system)
		}
		return nil
	}, memory, cpu, uptime)
	return err //nolint:wrapcheck // a fault of this package, in words already
}
