//go:build linux

package e2e

import (
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
	"opampd/supervisor/internal/trust"
)

func TestAnOlderReleaseNeedsAPermit(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	newer := s.publish(parcel{Version: "0.155.0", index: 5})
	s.upgrade(newer)
	s.fares(newer, inForce)
	untouched := s.untouched()
	older := s.publish(parcel{Version: "0.153.0", index: 3})
	s.upgrade(older)
	assert.Contains(t, s.fares(older, notTaken).GetErrorMessage(), "(index)")
	untouched()
	s.agrees(newer)
	older = s.publish(parcel{Version: "0.153.0", index: 3, state: func(st *trust.Statement) {
		st.Downgrade = &trust.Permit{FromMin: 4, FromMax: 6, Expires: time.Now().Add(time.Hour).UTC()}
	}})
	s.upgrade(older)
	s.fares(older, inForce)
	s.agrees(older)
	assert.Equal(t, newer.id, s.linked("previous"))
}

func TestGoingBackToTheReleaseBeforeNeedsNeitherAPermitNorADownload(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	first, second := s.publish(parcel{Version: "0.151.0", index: 1}), s.publish(parcel{Version: "0.152.0", index: 2})
	for _, p := range []published{first, second} {
		s.upgrade(p)
		s.fares(p, inForce)
	}
	assert.Equal(t, first.id, s.linked("previous"))
	s.downloads.Always(testkit.AnswerWith(410))
	asked := len(s.downloads.Requests())
	for _, p := range []published{first, second} {
		s.upgrade(p)
		s.fares(p, inForce)
		s.agrees(p)
	}
	assert.Len(t, s.downloads.Requests(), asked)
	assert.ElementsMatch(t, []string{first.id, second.id}, s.slots())
}

func TestANewerOfferOvertakesAReleaseThatIsBeingFetched(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	slow, quick := s.publish(parcel{Version: "0.151.0", index: 1}), s.publish(parcel{Version: "0.152.0", index: 2})
	s.downloads.Next(testkit.Throttle(64<<10, 50*time.Millisecond)) // half a minute
	s.upgrade(slow)
	s.downloads.WaitRequests(t, 1)
	s.upgrade(quick)
	s.fares(quick, inForce)
	s.agrees(quick)
	assert.Equal(t, []string{quick.id}, s.slots())
	for _, m := range s.server.Messages() {
		assert.False(t, isAt(m.AgentToServer, slow, installing))
	}
}

// A release under watch is not trusted yet: what it replaced stays what is gone back to.
func TestANewerOfferOvertakesAReleaseThatIsWatched(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, forever, settings{})
	first, second := s.publish(parcel{Version: "0.151.0", index: 1}), s.publish(parcel{Version: "0.152.0", index: 2})
	for _, p := range []published{first, second} {
		s.upgrade(p)
		s.watched(p)
		assert.Equal(t, p.id, s.linked("current"))
		assert.Empty(t, s.linked("previous"), "the factory release")
	}
	s.reread(brief)
	s.fares(second, inForce)
	s.agrees(second)
	for _, m := range s.server.Messages() {
		assert.False(t, isAt(m.AgentToServer, first, inForce))
	}
}

func TestABadConfigurationIsNotBlamedOnTheReleaseUnderWatch(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, forever, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.watched(p)
	bad := s.server.Offer(pipeline(taken(t), s.sink.URL(), "port taken"))
	s.server.WaitStatus(t, bad, failed)
	s.watched(p)
	good := s.server.Offer(pipeline(s.addr, s.sink.URL(), "second"))
	s.server.WaitStatus(t, good, applied)
	s.reread(brief)
	s.fares(p, inForce)
	s.agrees(p)
	assert.Contains(t, s.effective(), "second")
}

func TestAnOfferOfNothingRemovesNothing(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.fares(p, inForce)
	untouched := s.untouched()
	all := s.server.OfferPackages()
	s.comes("the answer to an offer of nothing", func(m *protobufs.AgentToServer) bool {
		return string(m.GetPackageStatuses().GetServerProvidedAllPackagesHash()) == string(all)
	})
	untouched()
	s.agrees(p)
	require.Equal(t, []string{p.id}, s.slots())
}

// One thing changes at a time, or nobody could tell what was to blame.
func TestAConfigurationOfferedDuringAnUpgradeIsAppliedToo(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		s := upgradable(t, tr, brief, settings{})
		p := s.publish(next())
		s.upgrade(p)
		s.downloads.WaitRequests(t, 1)
		second := s.server.Offer(pipeline(s.addr, s.sink.URL(), "second"))
		s.fares(p, inForce)
		s.server.WaitStatus(t, second, applied)
		s.agrees(p)
		assert.Contains(t, s.effective(), "second")
	})
}
