//go:build linux

package e2e

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

func TestTheLastConfigurationRunsWithoutTheServer(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{})
	sweeping(h.daemon)
	require.Equal(t, 0, h.stop())
	h.server.Stop()
	h.start()
	h.serving()
	h.server.Mark()
	h.server.Start(t)
	h.server.WaitStatus(t, hash, applied)
	h.alone()
	assert.Equal(t, 0, h.stop())
}

func TestTheFallbackRunsUntilTheServerIsReached(t *testing.T) {
	t.Parallel()
	h, _ := installed(t, settings{})
	sweeping(h.daemon)
	fallback := testkit.FreePort(t)
	require.NoError(t, os.WriteFile(h.path("fallback.yaml"), []byte(pipeline(fallback, h.sink.URL(), "fallback")["collector.yaml"]), 0o600))
	h.change(settings{agent: "startup_fallback_configs: [" + h.path("fallback.yaml") + "]"})
	h.server.Stop()
	hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "offered"))
	h.start()
	load := testkit.Load(t, "http://"+fallback+"/v1/logs", 50)
	load.WaitAcknowledged(t, 1, patience)
	assert.Empty(t, h.sink.Missing(load.Stop().Acknowledged(), patience))
	h.server.Start(t)
	h.server.WaitStatus(t, hash, applied)
	h.serving()
	h.alone()
	assert.NotContains(t, h.effective(), "fallback")
}

func TestWithoutAnythingToRunTheCollectorWaitsForItsFirstConfiguration(t *testing.T) {
	t.Parallel()
	h, hash := installed(t, settings{})
	sweeping(h.daemon)
	h.server.Stop()
	h.start()
	h.said("the Collector is healthy", 1)
	h.said("no connection to the OpAMP server", 2)
	h.server.Start(t)
	h.server.WaitStatus(t, hash, applied)
	h.serving()
	h.alone()
}
