//go:build linux

package e2e

import (
	"bytes"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// observed are the grants for all three signals; metrics are granted by default.
const observed = ", reports_own_traces: true, reports_own_logs: true"

// logsTo is an offer for the logs alone.
func logsTo(base string, headers map[string]string) *protobufs.ConnectionSettingsOffers {
	to := &protobufs.TelemetryConnectionSettings{DestinationEndpoint: base + testkit.Logs.Path(), Headers: &protobufs.Headers{}}
	for name, value := range headers {
		to.Headers.Headers = append(to.Headers.Headers, &protobufs.Header{Key: name, Value: value})
	}
	return &protobufs.ConnectionSettingsOffers{OwnLogs: to}
}

// sends waits until the Collector in force was told to send to these destinations, and
// has come up with them.
func (h *host) sends(destinations ...string) {
	h.tb.Helper()
	h.server.WaitFor(h.tb, "own telemetry in the effective configuration", patience, func(m *protobufs.AgentToServer) bool {
		body := m.GetEffectiveConfig().GetConfigMap().GetConfigMap()[""].GetBody()
		for _, d := range destinations {
			if !bytes.Contains(body, []byte(d)) {
				return false
			}
		}
		return len(body) > 0
	})
}

// flushed makes the Collector send what it has: it does so when it ends.
func (h *host) flushed(own *testkit.OTLPSink, signals ...testkit.Signal) {
	h.tb.Helper()
	load := testkit.Load(h.tb, h.url(), 50) // something to trace
	load.WaitAcknowledged(h.tb, 5, patience)
	load.Stop()
	h.server.Restart()
	for _, s := range signals {
		got := own.WaitFor(h.tb, s, patience, func(r testkit.Received) bool { return bytes.Contains(r.Last, []byte(h.uid())) })
		assert.Contains(h.tb, string(got.Last), "service.instance.id", "S-205")
		assert.Contains(h.tb, string(got.Last), "otelcol-lean")
	}
}

func TestOwnTelemetryGoesWhereTheServerWantsIt(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		own := testkit.NewOTLPSink(t)
		h, _ := working(t, tr, settings{capabilities: observed})
		h.server.OfferOwnTelemetry(own.URL())
		h.sends(own.URL()+"/v1/metrics", own.URL()+"/v1/traces", own.URL()+"/v1/logs")
		h.flushed(own, testkit.Metrics, testkit.Traces, testkit.Logs)
		assert.Zero(t, h.sink.Received(testkit.Metrics).Requests, "not into the pipeline's destination")
	})
}

func TestASignalOfferedLaterLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	first, second := testkit.NewOTLPSink(t), testkit.NewOTLPSink(t)
	h, _ := working(t, testkit.WebSocket, settings{capabilities: observed})
	h.server.OfferOwnTelemetry(first.URL())
	h.sends(first.URL() + "/v1/logs")
	h.server.OfferConnection(logsTo(second.URL(), nil))
	h.sends(first.URL()+"/v1/metrics", first.URL()+"/v1/traces", second.URL()+"/v1/logs") // W19, S-131
	h.flushed(first, testkit.Metrics, testkit.Traces)
	h.flushed(second, testkit.Logs)
}

func TestOwnTelemetryLastsOverARestartWithoutTheServer(t *testing.T) {
	t.Parallel()
	own := testkit.NewOTLPSink(t)
	h, _ := working(t, testkit.WebSocket, settings{capabilities: observed})
	h.server.OfferOwnTelemetry(own.URL())
	h.sends(own.URL() + "/v1/logs")
	h.server.Stop()
	assert.Equal(t, 0, h.stop())
	before := own.Received(testkit.Logs).Requests
	h.start()
	h.serving()
	own.WaitFor(t, testkit.Logs, patience, func(r testkit.Received) bool { return r.Requests > before }) // S-201
	assert.Contains(t, h.effective(), own.URL()+"/v1/metrics")
}

func TestHeadersOfOwnTelemetryArriveAsTheyAreAndShowNowhere(t *testing.T) {
	t.Parallel()
	own := testkit.NewOTLPSink(t)
	h, _ := working(t, testkit.WebSocket, settings{capabilities: observed})
	headers := map[string]string{
		"X-Dollar": "pa$$word-$HOME-${env:PATH}", "X-Quotes": `it's "quoted": {yes}, #no`, "Authorization": "Bearer own-secret",
	}
	h.server.OfferConnection(logsTo(own.URL(), headers))
	got := own.WaitFor(t, testkit.Logs, patience, func(r testkit.Received) bool { return r.Requests > 0 })
	for name, value := range headers {
		assert.Equal(t, value, got.Header.Get(name), "S-208")
	}
	h.sends(own.URL())
	for _, secret := range []string{"pa$$word", "own-secret", "it's"} {
		assert.NotContains(t, told(h.server), secret)
		assert.NotContains(t, h.log(), secret)
	}
}

func TestASignalThatIsNotGrantedIsNotTaken(t *testing.T) {
	t.Parallel()
	own := testkit.NewOTLPSink(t)
	h, _ := working(t, testkit.WebSocket, settings{})
	h.server.OfferOwnTelemetry(own.URL())
	h.sends(own.URL() + "/v1/metrics")
	require.NotContains(t, h.effective(), "/v1/traces", "S-212")
	require.NotContains(t, h.effective(), own.URL()+"/v1/logs")
}

func TestOwnTelemetryThatTheCollectorRefusesIsNotTheOffersFault(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{capabilities: observed})
	h.server.OfferConnection(logsTo("http://127.0.0.1:notaport", nil))
	h.server.OfferConnection(logsTo("http://127.0.0.1:1", map[string]string{"bad\nname": "x\r\ny"}))
	h.server.WaitStatus(t, h.server.Offer(pipeline(h.addr, h.sink.URL(), "all the same")), applied)
	h.serving()
}
