package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// everyWay runs a test over both transports and with both ways to reload.
func everyWay(t *testing.T, test func(t *testing.T, tr testkit.Transport, reload string)) {
	t.Helper()
	for _, tr := range []testkit.Transport{testkit.WebSocket, testkit.PlainHTTP} {
		for _, reload := range []string{"auto", "restart"} {
			t.Run(string(tr)+"/"+reload, func(t *testing.T) {
				t.Parallel()
				test(t, tr, "reload: "+reload)
			})
		}
	}
}

func TestAConfigurationIsAppliedWhenTheCollectorSaysSo(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, tr testkit.Transport, reload string) {
		h, _ := working(t, tr, settings{agent: reload})
		h.serving()
		load := testkit.Load(t, h.url(), 100)
		load.WaitAcknowledged(t, 10, patience)
		hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "second"))
		h.server.WaitStatus(t, hash, applied)
		load.WaitAcknowledged(t, 10, patience)
		assert.Empty(t, h.sink.Missing(load.Stop().Acknowledged(), patience), "what was accepted arrives")
		assert.Equal(t, 0, h.stop())
	})
}

func TestAChangeThatWasOrderedIsNoIllHealth(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, tr testkit.Transport, reload string) {
		h, _ := working(t, tr, settings{agent: reload})
		h.server.WaitHealthy(t, true)
		seen := len(h.server.Messages())
		hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "second"))
		h.server.WaitStatus(t, hash, applied)
		for _, m := range h.server.Messages()[seen:] {
			assert.True(t, m.GetHealth() == nil || m.GetHealth().GetHealthy(), "%v", m.GetHealth())
		}
	})
}

func TestABadConfigurationTouchesNothing(t *testing.T) {
	t.Parallel()
	good := func(h *host) string { return pipeline(h.addr, h.sink.URL(), "x")["collector.yaml"] }
	for name, bad := range map[string]func(h *host) (string, string){
		"not YAML":   func(*host) (string, string) { return "a: [", "not YAML" },
		"no mapping": func(*host) (string, string) { return "- a", "mapping" },
		"YAML bomb":  func(*host) (string, string) { return bomb(), "alias" },
		"unknown component": func(h *host) (string, string) {
			return strings.ReplaceAll(good(h), "otlphttp", "otlphttpx"), "otlphttpx"
		},
		"unknown key": func(h *host) (string, string) {
			return strings.ReplaceAll(good(h), "retry_on_failure", "retry_on_failurex"), "retry_on_failurex"
		},
		"dangling pipeline": func(h *host) (string, string) {
			return strings.ReplaceAll(good(h), "receivers: [otlp]", "receivers: [otlp/2]"), "otlp/2"
		},
		"twice the key": func(h *host) (string, string) { return good(h) + "service: {}\n", "already defined" },
		"10 MB": func(*host) (string, string) {
			return "receivers: {" + strings.Repeat("a"+strings.Repeat("b", 1000)+": {},", 10_000) + "x: {}}", "agent.max_config_size"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{})
			pid := h.collector()
			load := testkit.Load(t, h.url(), 100)
			load.WaitAcknowledged(t, 10, patience)
			text, word := bad(h)
			hash := h.server.Offer(map[string]string{"bad.yaml": text})
			status := h.server.WaitStatus(t, hash, failed)
			assert.Contains(t, status.GetErrorMessage(), word)
			load.WaitAcknowledged(t, 10, patience)
			assert.Empty(t, load.Stop().Failures(), "telemetry goes on as if nothing was")
			assert.Equal(t, pid, h.collector())
			assert.Equal(t, 0, h.stop())
		})
	}
}

// bomb is the billion laughs in YAML.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		n, m := string(rune('0'+i%10)), string(rune('0'+(i+1)%10))
		if i >= 9 {
			break
		}
		b.WriteString("a" + m + ": &a" + m + " [" + strings.TrimSuffix(strings.Repeat("*a"+n+", ", 10), ", ") + "]\n")
	}
	return b.String()
}

func TestAConfigurationThatFailsAtRunTimeIsRolledBack(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, tr testkit.Transport, reload string) {
		h, _ := working(t, tr, settings{agent: reload})
		hash := h.server.Offer(pipeline(taken(t), h.sink.URL(), "port taken"))
		status := h.server.WaitStatus(t, hash, failed)
		assert.Contains(t, status.GetErrorMessage(), "address already in use")
		h.server.WaitHealthy(t, true)
		h.serving()
		assert.Equal(t, 0, h.stop())
	})
}

func TestTheSameBadConfigurationGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	bad := map[string]string{"a.yaml": "receivers: {nonsense: {}}"}
	hash := h.server.Offer(bad)
	first := h.server.WaitStatus(t, hash, failed)
	good := h.server.Offer(pipeline(h.addr, h.sink.URL(), "between"))
	h.server.WaitStatus(t, good, applied)
	h.server.Mark()
	h.server.Offer(bad)
	again := h.server.WaitStatus(t, hash, failed)
	assert.Equal(t, first.GetErrorMessage(), again.GetErrorMessage())
	ledger, err := os.ReadFile(h.path("state", "ledger.jsonl"))
	require.NoError(t, err)
	assert.Contains(t, string(ledger), "nonsense")
}

func TestAnEmptyMapStopsTheCollectorAndIsApplied(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{}, testkit.Except(testkit.Health)) // healthy without a start time: stopped as asked
	pid := h.collector()
	h.server.Mark()
	hash := h.server.Offer(map[string]string{})
	h.server.WaitStatus(t, hash, applied)
	h.server.WaitFor(t, "health of a stopped agent", patience, func(m *protobufs.AgentToServer) bool {
		return m.GetHealth().GetHealthy() && m.GetHealth().GetStartTimeUnixNano() == 0 // S-078
	})
	assert.False(t, alive(pid))
	again := h.server.Offer(pipeline(h.addr, h.sink.URL(), "again"))
	h.server.WaitStatus(t, again, applied)
	h.serving()
}
