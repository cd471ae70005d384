//go:build linux

package e2e

import (
	"encoding/hex"
	"os"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// next is a good release, which lacks a component that nobody uses, so that its list of
// components is another.
func next() parcel { return parcel{Version: "0.150.0", Fault: "without:zpages", index: 2} }

func TestAnOfferedReleaseIsInstalledAndAllThatIsToldAgreesWithWhatRuns(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		s := upgradable(t, tr, brief, settings{})
		_, executable := programs(t)
		before := hashOf(t, executable)
		known := s.comes("components", func(m *protobufs.AgentToServer) bool { return len(m.GetAvailableComponents().GetHash()) > 0 })
		components := hex.EncodeToString(known.GetAvailableComponents().GetHash())
		load := testkit.Load(t, s.url(), 50)
		load.WaitAcknowledged(t, 1, patience)
		p := s.publish(next())
		s.upgrade(p)
		status := s.fares(p, inForce)
		assert.Equal(t, p.Version, status.GetAgentHasVersion())
		assert.Equal(t, p.Hash, status.GetAgentHasHash())
		assert.Empty(t, status.GetErrorMessage())
		assert.Nil(t, status.GetDownloadDetails(), "cleared when done")
		s.agrees(p)
		state := s.comes("other components", func(m *protobufs.AgentToServer) bool {
			return hex.EncodeToString(m.GetAvailableComponents().GetHash()) != components
		})
		assert.Equal(t, applied, state.GetRemoteConfigStatus().GetStatus())
		assert.Contains(t, s.runs(), "value: first")
		load.WaitAcknowledged(t, 1, patience)
		gap, _ := load.Stop().LongestGap()
		t.Logf("outage: %s", gap.Round(time.Millisecond))
		assert.Equal(t, before, hashOf(t, executable), "agent.executable is never written")
		assert.Empty(t, s.linked("previous"), "the factory release can be gone back to")
		assert.Equal(t, []string{p.id}, s.slots())
	})
}

func TestAReleaseIsNotInstalledBeforeItsWatchIsOver(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, forever, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.watched(p)
	s.serving()
	s.server.Mark()
	s.server.RequestFullState()
	m := s.server.WaitFor(t, "a full report", patience, full)
	assert.True(t, isAt(m, p, installing))
	assert.Equal(t, p.id, s.linked("current"))
	for _, m := range s.server.Messages() {
		assert.False(t, isAt(m.AgentToServer, p, inForce))
	}
	pid := s.collector()
	s.reread(brief)
	s.fares(p, inForce)
	s.agrees(p)
	assert.Equal(t, pid, s.collector(), "the watch went on with the same process")
}

func TestThePackageOfARunningReleaseIsInstalledWithoutAnything(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.fares(p, inForce)
	asked := len(s.downloads.Requests())
	untouched := s.untouched()
	again := p
	again.Hash = []byte("another name of it")
	s.upgrade(again)
	s.fares(again, inForce)
	untouched()
	assert.Len(t, s.downloads.Requests(), asked)
	s.agrees(again)
	require.Equal(t, 0, s.stop())
	s.start()
	s.agrees(again)
	assert.Equal(t, os.Getenv("OPAMPD_TEST_COLLECTOR"), s.programOf(""))
}
