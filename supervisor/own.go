package main

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
	"opampd/supervisor/internal/telemetry"
)

// flushTimeout bounds the last exports of own telemetry: a dead backend must not hold
// up the end.
const flushTimeout = time.Second

// startTelemetry begins to export what telemetry asks for; nothing else costs
// anything.
func (l *life) startTelemetry(ctx context.Context, uid string) {
	c := l.config.Telemetry
	s := telemetry.Settings{Version: version, InstanceID: uid, Resource: c.Resource, Logs: processors(c.Logs.Processors), Console: l.log}
	if c.Traces.Level != "none" {
		s.Traces = processors(c.Traces.Processors)
	}
	if c.Metrics.Level != "none" {
		s.Metrics = readers(c.Metrics.Readers)
	}
	t, err := telemetry.Start(ctx, s)
	if err != nil {
		l.log.Error("opampd's own telemetry cannot be exported; all else goes on", zap.Error(err))
		return
	}
	for _, w := range t.Warnings {
		l.log.Warn(w)
	}
	l.own, l.log = t, t.Logger(l.log)
}

// stopTelemetry sends what is left.
func (l *life) stopTelemetry() {
	if l.own == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	_ = l.own.Shutdown(ctx) // there is nobody left to tell
}

func processors(from []config.Processor) []telemetry.Processor {
	var out []telemetry.Processor
	for _, p := range from {
		switch {
		case p.Batch != nil && p.Batch.Exporter.OTLP != nil:
			out = append(out, telemetry.Processor{
				Delay: p.Batch.ScheduleDelay, ExportTimeout: p.Batch.ExportTimeout, QueueSize: p.Batch.MaxQueueSize,
				BatchSize: p.Batch.MaxExportBatchSize, Exporter: otlp(*p.Batch.Exporter.OTLP),
			})
		case p.Simple != nil && p.Simple.Exporter.OTLP != nil:
			out = append(out, telemetry.Processor{Simple: true, Exporter: otlp(*p.Simple.Exporter.OTLP)})
		}
	}
	return out
}

func readers(from []config.Reader) []telemetry.Reader {
	var out []telemetry.Reader
	for _, r := range from {
		switch {
		case r.Periodic != nil && r.Periodic.Exporter.OTLP != nil:
			out = append(out, telemetry.Reader{
				Interval: r.Periodic.Interval, Timeout: r.Periodic.Timeout, Exporter: otlp(*r.Periodic.Exporter.OTLP),
			})
		case r.Pull != nil:
			out = append(out, telemetry.Reader{Pull: true})
		}
	}
	return out
}

func otlp(o config.OTLP) telemetry.OTLP {
	headers := map[string]string{}
	for name, values := range o.Headers.HTTP() {
		headers[name] = strings.Join(values, ",")
	}
	return telemetry.OTLP{
		Protocol: o.Protocol, Endpoint: o.Endpoint, Insecure: o.Insecure, Certificate: o.Certificate,
		ClientCertificate: o.ClientCertificate, ClientKey: o.ClientKey, Headers: headers,
		Compression: o.Compression, Timeout: o.Timeout, Temporality: o.Temporality,
	}
}

// measure feeds the metrics from what the core does.
func (o *observer) measure(t engine.Transition) {
	if o.own == nil {
		return
	}
	m := o.own.Metrics
	from, to := t.From.Agent, t.To.Agent
	if from.Phase == core.PhaseStarting && to.Phase == core.PhaseRunning {
		m.CollectorStarted(o.startReason(t.To))
	}
	if _, ok := t.Event.(core.RestartRequested); ok {
		o.commanded = true
	}
	if to.Crashes > from.Crashes {
		m.CollectorCrashed()
	}
	m.CollectorHealthy(to.Healthy)
	m.ServerConnected(t.To.Link.Up)
	m.StorageOK(t.To.Storage == "")
	for _, c := range t.Commands {
		if c, ok := c.(core.ReportStatus); ok && (c.Status.Code == core.StatusApplied || c.Status.Code == core.StatusFailed) {
			result, took := strings.ToLower(c.Status.Code.String()), time.Since(o.since)
			m.ConfigApplied(result, took)
			o.own.Span("apply remote configuration", o.since, time.Now(), nil, map[string]string{"opampd.config.apply.result": result})
		}
	}
}

func (o *observer) startReason(s core.State) string {
	switch {
	case o.commanded:
		o.commanded = false
		return "command"
	case s.Agent.Crashes > 0:
		return "crash"
	case s.Rollout.Attempt <= 1:
		return "first"
	default:
		return "config"
	}
}
