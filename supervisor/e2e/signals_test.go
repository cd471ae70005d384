//go:build linux

package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core/trace"
	"opampd/supervisor/internal/testkit"
)

func TestATerminatedOpampdDrainsTheCollectorAndSaysGoodbye(t *testing.T) {
	t.Parallel()
	for _, tr := range []testkit.Transport{testkit.WebSocket, testkit.PlainHTTP} {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(string(tr)+"/"+s.String(), func(t *testing.T) {
				t.Parallel()
				h, _ := working(t, tr, settings{})
				sweeping(h.daemon)
				h.serving()
				load := testkit.Load(t, h.url(), 200)
				load.WaitAcknowledged(t, 50, patience)
				h.signal(s)
				assert.Equal(t, 0, h.wait())
				assert.Empty(t, h.sink.Missing(load.Stop().Acknowledged(), patience), "what was accepted arrives")
				assert.Empty(t, h.collectors())
				h.farewell()
			})
		}
	}
}

// farewell asserts that the last the server heard is a goodbye.
func (h *host) farewell() {
	h.tb.Helper()
	messages := h.server.Messages()
	require.NotEmpty(h.tb, messages)
	assert.NotNil(h.tb, messages[len(messages)-1].GetAgentDisconnect())
}

func TestOpampdTerminatedAtAnyStepOfItsStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, reached := range map[string]string{
		"before anything":        "",
		"looking for a binary":   `"commands": ["Connect`,
		"starting the Collector": `"commands": ["Start`,
		"Collector started":      "the Collector was started",
		"Collector healthy":      "the Collector is healthy",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{})
			sweeping(h.daemon)
			require.Equal(t, 0, h.stop())
			require.NoError(t, os.Remove(h.path("opampd.log")))
			h.start()
			awaitFile(t, h.path("opampd.log"), func(log string) bool { return strings.Contains(log, reached) })
			assert.Equal(t, 0, h.stop())
			assert.Empty(t, h.collectors())
			h.back()
			h.serving()
		})
	}
}

func TestAnOfferThatWasInterruptedByATerminationIsAppliedInTheNextLife(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, tr testkit.Transport, reload string) {
		h, _ := working(t, tr, settings{agent: reload})
		sweeping(h.daemon)
		hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "second"))
		h.server.WaitFor(t, "any status", patience, func(m *protobufs.AgentToServer) bool {
			return string(m.GetRemoteConfigStatus().GetLastRemoteConfigHash()) == string(hash)
		})
		assert.Equal(t, 0, h.stop())
		assert.Empty(t, h.collectors())
		h.farewell()
		h.often(tr)
		h.start()
		h.server.WaitStatus(t, hash, applied)
		h.serving()
		h.alone()
	})
}

func TestASecondSignalForcesAnEnd(t *testing.T) {
	t.Parallel()
	for name, exe := range map[string]string{
		"a Collector that ignores SIGTERM": wrapper(t, `if [ -n "$config" ] && grep -q first "$config"; then trap "" TERM; $collector "$@" & while :; do wait; done; fi`),
		"a Collector that stands still":    "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{executable: exe, agent: "stop_timeout: 10m\nreload: restart"})
			sweeping(h.daemon)
			if exe == "" {
				h.serving()
				kill(t, h.collector(), syscall.SIGSTOP)
			}
			h.signal(syscall.SIGTERM)
			h.said("stopping", 1)
			h.signal(syscall.SIGTERM)
			assert.Equal(t, 0, h.wait())
			assert.Empty(t, h.collectors())
		})
	}
}

func TestASighupWithNothingNewIsNotNoticed(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{})
	sweeping(h.daemon)
	h.serving()
	pid := h.collector()
	load := testkit.Load(t, h.url(), 100)
	load.WaitAcknowledged(t, 10, patience)
	for n := range 3 {
		h.server.Mark()
		h.signal(syscall.SIGHUP)
		h.said("the running Collector was taken over", n+1)
		h.server.WaitHealthy(t, true)
	}
	load.WaitAcknowledged(t, 10, patience)
	assert.Empty(t, load.Stop().Failures())
	assert.Equal(t, pid, h.collector())
	h.alone()
	h.server.WaitStatus(t, hash, applied)
	next := h.server.Offer(pipeline(h.addr, h.sink.URL(), "next"))
	h.server.WaitStatus(t, next, applied)
	assert.Equal(t, 0, h.stop())
	assert.Empty(t, h.collectors())
	h.farewell()
}

func TestASighupWithOtherArgumentsRestartsTheCollector(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{})
	sweeping(h.daemon)
	h.serving()
	pid := h.collector()
	h.change(settings{agent: `args: ["--set=service.telemetry.logs.level=debug"]`})
	h.server.Mark()
	h.signal(syscall.SIGHUP)
	exit(t, pid)
	h.server.WaitHealthy(t, true)
	h.serving()
	h.alone()
	line, err := os.ReadFile("/proc/" + pidText(h.collector()) + "/cmdline")
	require.NoError(t, err)
	assert.Contains(t, string(line), "logs.level=debug")
	assert.Equal(t, hash, h.server.State().GetRemoteConfigStatus().GetLastRemoteConfigHash())
	assert.Equal(t, applied, h.server.State().GetRemoteConfigStatus().GetStatus())
}

func TestASighupWithAnotherEndpointMovesToThatServer(t *testing.T) {
	t.Parallel()
	other := testkit.NewServer(t)
	h, _ := working(t, testkit.WebSocket, settings{})
	sweeping(h.daemon)
	h.serving()
	pid := h.collector()
	h.change(settings{endpoint: other.WebSocketURL()})
	h.signal(syscall.SIGHUP)
	other.WaitHealthy(t, true)
	h.farewell()
	assert.Equal(t, pid, h.collector())
	hash := other.Offer(pipeline(h.addr, h.sink.URL(), "from the other server"))
	other.WaitStatus(t, hash, applied)
	h.serving()
	h.alone()
}

func TestASighupWithABrokenFileChangesNothing(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	sweeping(h.daemon)
	h.serving()
	pid := h.collector()
	require.NoError(t, os.WriteFile(h.path("supervisor.yaml"), []byte("server: {endpont: x}\n"), 0o600))
	h.signal(syscall.SIGHUP)
	h.said("the configuration was not read again", 1)
	h.said("endpont", 1)
	assert.Equal(t, pid, h.collector())
	hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "next"))
	h.server.WaitStatus(t, hash, applied)
	assert.Len(t, h.server.Connections(), 1)
	assert.Equal(t, 0, h.stop())
}

func TestTheLastEventsAreWrittenInTheLanguageOfScenarios(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	h.serving()
	h.signal(syscall.SIGUSR1)
	h.said("wrote the last events", 1)
	text, err := os.ReadFile(h.path("state", "events.txt"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	assert.Greater(t, len(lines), 5)
	for _, line := range lines {
		words, ok := strings.CutPrefix(line, "> ")
		require.True(t, ok, line)
		_, err := trace.Parse(words)
		require.NoError(t, err, line)
	}
	assert.NotContains(t, string(text), h.field("run.json", "token"))
	info, err := os.Stat(h.path("state", "events.txt"))
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077)
}
