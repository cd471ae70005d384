//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// toll is what came of upgrades during which opampd was killed.
type toll struct {
	kills, onNew, onOld int
	starts              int // how many were needed at most to end it
}

func (a toll) plus(b toll) toll {
	return toll{a.kills + b.kills, a.onNew + b.onNew, a.onOld + b.onOld, max(a.starts, b.starts)}
}

// chaosRuns is how many upgrades opampd is killed in.
func chaosRuns(tb testing.TB) int {
	tb.Helper()
	text := os.Getenv("OPAMPD_TEST_CHAOS_RUNS")
	if text == "" {
		return 20
	}
	runs, err := strconv.Atoi(text)
	require.NoError(tb, err)
	return runs
}

// Some hosts go from release to release; every fourth of these is one that dies at once.
func TestOpampdKilledAtAnyInstantOfAnUpgradeEndsOnOneRelease(t *testing.T) {
	t.Parallel()
	const hosts = 4
	var tolls [hosts]toll
	runs, began := chaosRuns(t), time.Now()
	t.Cleanup(func() { // after all of them
		var all toll
		for _, one := range tolls {
			all = all.plus(one)
		}
		t.Logf("chaos: %d upgrades, %d kills: %d ended on the new release, %d on the one before; %d start(s) needed at most; %s",
			runs, all.kills, all.onNew, all.onOld, all.starts, time.Since(began).Round(time.Second))
	})
	for n := range hosts {
		t.Run(fmt.Sprint("host ", n), func(t *testing.T) {
			t.Parallel()
			tolls[n] = chaos(t, (runs+hosts-1-n)/hosts)
			assert.LessOrEqual(t, tolls[n].starts, 2)
		})
	}
}

func chaos(t *testing.T, runs int) toll {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := upgradable(t, testkit.WebSocket, brief, settings{}, testkit.Except(testkit.InstallingFirst)) // it may die before it could say so
	began := time.Now()
	runsNow := s.publish(parcel{Version: "0.150.0", index: 1})
	s.upgrade(runsNow)
	s.fares(runsNow, inForce)
	span := time.Since(began)
	var all toll
	for n := range runs {
		c := parcel{Version: fmt.Sprintf("0.151.%d", n), index: int64(n + 2), path: "/packages/next"}
		if n%4 == 3 {
			c.Fault = "crash"
		}
		p := s.publish(c)
		s.upgrade(p)
		for kills := 1 + n%2; kills > 0; kills-- {
			at(time.Duration(random.Int64N(int64(span))))
			s.crash()
			assert.LessOrEqual(t, len(s.collectors()), 1, "never two Collectors")
			all.kills++
			if kills > 1 {
				s.start()
			}
		}
		all.starts = max(all.starts, s.settled(p))
		if own(s.server.State()).GetStatus() == inForce {
			all.onNew++
			runsNow = p
		} else {
			all.onOld++
		}
		s.agrees(runsNow)
		assert.Equal(t, c.Fault == "", runsNow.id == p.id, "one that works is installed, and no other")
		require.False(t, t.Failed(), "upgrade %d", n)
	}
	assert.Equal(t, 0, s.stop())
	assert.Empty(t, s.collectors())
	return all
}

// settled starts opampd until an upgrade has come to an end, and returns how often.
func (s *site) settled(p published) int {
	s.host.tb.Helper()
	for starts := 1; starts <= 2; starts++ {
		s.again()
		if s.server.Settles(long, func(m *protobufs.AgentToServer) bool { return isAt(m, p, inForce) || isAt(m, p, notTaken) }) {
			return starts
		}
		s.crash()
	}
	require.Fail(s.host.tb, "the upgrade does not end")
	return 0
}

// again starts opampd and waits until it has said how packages are: what the server was
// told before does not count.
func (s *site) again() {
	s.host.tb.Helper()
	s.server.Mark()
	s.start()
	s.server.WaitFor(s.host.tb, "package statuses of the next life", long, func(m *protobufs.AgentToServer) bool {
		return m.GetPackageStatuses() != nil
	})
}
