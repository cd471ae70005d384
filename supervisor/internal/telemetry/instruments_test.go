package telemetry

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

func metricsTo(s *sink) Settings {
	return Settings{Metrics: []Reader{{Interval: time.Hour, Exporter: OTLP{Endpoint: s.URL}}}}
}

// feed calls every method once.
func feed(i *Instruments) {
	i.CollectorStarted("crash")
	i.CollectorCrashed()
	i.CollectorHealthy(true)
	i.ConfigApplied("failed", 300*time.Millisecond)
	i.ServerConnected(false)
	i.StorageOK(true)
}

func TestInstrumentsThatAreOffCountNothing(t *testing.T) {
	t.Parallel()
	assert.NotPanics(t, func() { feed(nil); feed(&Instruments{}) })
}

func TestEveryMetricIsDefinedWithItsUnit(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the process metrics are there on Linux only")
	}
	s := startSink(t)
	tel := start(t, metricsTo(s))
	feed(tel.Metrics)
	flush(t, tel)

	var defined, sent [][3]string
	for _, d := range Definitions() {
		defined = append(defined, [3]string{d.Name, d.Unit, d.Kind})
	}
	r := s.next(t)
	for name, m := range metrics(t, r) {
		sent = append(sent, [3]string{name, m.Unit, kind(m)})
	}
	assert.Equal(t, "/v1/metrics", r.path)
	assert.ElementsMatch(t, defined, sent)
}

func kind(m *metricspb.Metric) string {
	switch {
	case m.GetGauge() != nil:
		return "gauge"
	case m.GetHistogram() != nil:
		return "histogram"
	case m.GetSum().GetIsMonotonic():
		return "counter"
	default:
		return "updowncounter"
	}
}

func TestMetricsHoldWhatWasCounted(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	tel := start(t, metricsTo(s))
	feed(tel.Metrics)
	tel.Metrics.CollectorCrashed()
	flush(t, tel)

	got := metrics(t, s.next(t))
	assert.EqualValues(t, 2, got[metricCrashes].GetSum().DataPoints[0].GetAsInt())
	started := got[metricStarts].GetSum().DataPoints[0]
	assert.Equal(t, map[string]string{attributeReason: "crash"}, attributes(started.Attributes))
	applied := got[metricApplyTime].GetHistogram().DataPoints[0]
	assert.InDelta(t, 0.3, applied.GetSum(), 1e-9)
	assert.Equal(t, map[string]string{attributeResult: "failed"}, attributes(applied.Attributes))
	assert.EqualValues(t, 1, got[metricHealthy].GetGauge().DataPoints[0].GetAsInt())
	assert.EqualValues(t, 0, got[metricConnected].GetGauge().DataPoints[0].GetAsInt())
}

func TestAGaugeIsNotSentBeforeItIsKnown(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	tel := start(t, metricsTo(s))
	tel.Metrics.StorageOK(true)
	flush(t, tel)
	got := metrics(t, s.next(t))
	assert.Contains(t, got, metricStorage)
	assert.NotContains(t, got, metricConnected)
}

func TestTemporalityFollowsTheSettings(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	settings := metricsTo(s)
	settings.Metrics[0].Exporter.Temporality = "delta"
	tel := start(t, settings)
	tel.Metrics.CollectorCrashed()
	flush(t, tel)
	got := metrics(t, s.next(t))[metricCrashes].GetSum().AggregationTemporality
	assert.Equal(t, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA, got)
}

func TestOwnUsageIsThatOfALivingProcess(t *testing.T) {
	t.Parallel()
	used, ok := ownUsage()
	if runtime.GOOS != "linux" {
		assert.False(t, ok)
		return
	}
	assert.Greater(t, used.memory, int64(1<<20))
	assert.Positive(t, used.user+used.system)
}
