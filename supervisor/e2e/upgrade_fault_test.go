//go:build linux

package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// soonBack bounds the outage of a release that is no good, on a machine that does much
// else; `make bench` measures it.
const soonBack = 10 * time.Second

// burden measures how long telemetry is out.
func (s *site) burden() func() {
	s.host.tb.Helper()
	load := testkit.Load(s.host.tb, s.url(), 50)
	load.WaitAcknowledged(s.host.tb, 1, patience)
	return func() {
		s.host.tb.Helper()
		load.WaitAcknowledged(s.host.tb, 1, patience)
		gap, _ := load.Stop().LongestGap()
		s.host.tb.Logf("outage: %s", gap.Round(time.Millisecond))
		assert.Less(s.host.tb, gap, soonBack)
	}
}

// failsAgain asserts that a release which failed is refused without a download, and
// without a touch of what runs.
func (s *site) failsAgain(p published) {
	s.host.tb.Helper()
	asked, untouched := len(s.downloads.Requests()), s.untouched()
	s.server.Mark()
	before := own(s.server.State()).GetErrorMessage()
	s.server.OfferRaw(testkit.Packages(p.Package))
	m := s.server.WaitFor(s.host.tb, "another answer", patience, func(m *protobufs.AgentToServer) bool {
		return isAt(m, p, notTaken) && own(m).GetErrorMessage() != before
	})
	s.host.tb.Log(own(m).GetErrorMessage())
	untouched()
	assert.Len(s.host.tb, s.downloads.Requests(), asked)
}

func TestAReleaseThatDiesAtOnceIsTakenBackAndNotTriedAgain(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		s := upgradable(t, tr, brief, settings{})
		lasts := s.burden()
		p := s.publish(parcel{Version: "0.151.0", Fault: "crash"})
		s.upgrade(p)
		status := s.fares(p, notTaken)
		assert.Contains(t, status.GetErrorMessage(), "this-release-is-broken")
		assert.Contains(t, status.GetErrorMessage(), "release "+factory+" runs again")
		s.agree(factory, "")
		lasts()
		words, err := os.ReadFile(s.path("state", "packages", "failed", p.id+".log"))
		require.NoError(t, err)
		assert.Contains(t, string(words), "panic: this-release-is-broken")
		s.failsAgain(p)
	})
}

func TestAReleaseThatDiesWhileItIsWatchedIsTakenBack(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		s := upgradable(t, tr, forever, settings{})
		path, open := gate(t)
		p := s.publish(parcel{Version: "0.151.0", Fault: "crash", When: path})
		s.upgrade(p)
		s.watched(p)
		lasts := s.burden()
		open()
		assert.Contains(t, s.fares(p, notTaken).GetErrorMessage(), "this-release-is-broken")
		s.agree(factory, "")
		lasts()
		s.failsAgain(p)
	})
}

// It would not heed SIGTERM either, and is not waited for.
func TestAReleaseThatIsNeverHealthyIsTakenBack(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{agent: "stop_timeout: 1m"})
	p := s.publish(parcel{Version: "0.151.0", Fault: "stuck"})
	s.upgrade(p)
	assert.Contains(t, s.fares(p, notTaken).GetErrorMessage(), "was not healthy within 5s")
	s.agree(factory, "")
	s.failsAgain(p)
}

func TestAReleaseThatHangsWhileItIsWatchedIsTakenBack(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, forever, settings{agent: "stop_timeout: 1m"})
	path, open := gate(t)
	p := s.publish(parcel{Version: "0.151.0", Fault: "mute", When: path})
	s.upgrade(p)
	s.watched(p)
	open()
	assert.Contains(t, s.fares(p, notTaken).GetErrorMessage(), "was not healthy for 1s")
	s.agree(factory, "")
	s.failsAgain(p)
}

// Here the connection stays, and it takes three heartbeats to notice.
func TestAReleaseThatFreezesWhileItIsWatchedIsTakenBack(t *testing.T) {
	t.Parallel()
	if os.Getenv("OPAMPD_TEST_CHAOS_RUNS") == "" {
		t.Skip("takes 100 s; make chaos runs it")
	}
	s := upgradable(t, testkit.WebSocket, forever, settings{})
	path, open := gate(t)
	p := s.publish(parcel{Version: "0.151.0", Fault: "hang", When: path})
	s.upgrade(p)
	s.watched(p)
	open()
	s.server.WaitState(t, "it is taken back", 3*time.Minute, func(m *protobufs.AgentToServer) bool { return isAt(m, p, notTaken) })
	s.agree(factory, "")
	s.failsAgain(p)
}

func TestAReleaseThatDoesNotHeedSIGTERMMakesWayForTheNext(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{agent: "stop_timeout: 500ms"})
	deaf := s.publish(parcel{Version: "0.151.0", Fault: "deaf", index: 1})
	s.upgrade(deaf)
	s.fares(deaf, inForce)
	pid := s.collector()
	p := s.publish(parcel{Version: "0.152.0", index: 2})
	s.upgrade(p)
	s.fares(p, inForce)
	exit(t, pid)
	s.agrees(p)
}

func TestAReleaseThatLacksAComponentInUseCostsNoOutage(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		s := upgradable(t, tr, brief, settings{})
		untouched := s.untouched()
		trace := s.path("trace")
		p := s.publish(parcel{Version: "0.151.0", Fault: "without:resource", Trace: trace})
		s.upgrade(p)
		status := s.fares(p, notTaken)
		assert.Contains(t, status.GetErrorMessage(), `unknown type: "resource"`)
		untouched()
		s.agree(factory, "")
		calls, err := os.ReadFile(trace)
		require.NoError(t, err)
		assert.Contains(t, string(calls), "validate")
		assert.NotRegexp(t, "(?m)^--config", string(calls), "it was asked, and never run")
		again := s.untouched()
		s.server.OfferRaw(testkit.Packages(p.Package)) // another configuration may suit it, but not at once
		s.server.Mark()
		s.server.RequestFullState()
		assert.True(t, isAt(s.server.WaitFor(t, "a full report", patience, full), p, notTaken))
		again()
		assert.Len(t, s.downloads.Requests(), 1)
	})
}

// The server is away from the first byte of the download until all is over.
func TestALostServerIsNoReasonToGoBack(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.downloads.WaitRequests(t, 1)
	s.server.Stop()
	s.said("the release is installed", 1)
	pid := s.collector()
	s.serving()
	s.server.Start(t)
	s.fares(p, inForce)
	s.agrees(p)
	assert.Equal(t, pid, s.collector())
}
