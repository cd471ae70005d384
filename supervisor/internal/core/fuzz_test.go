package core_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
)

// FuzzWorld lets a Collector, a server, a disk and the daemon itself misbehave in
// any order. When the world has calmed down, what should run runs and the server
// knows; and when it is told to end, it ends.
func FuzzWorld(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x1f the quick brown fox jumps over the lazy dog, twice: 0123456789"))
	f.Fuzz(func(t *testing.T, data []byte) { live(t, data[:min(len(data), 600)]) })
}

// TestWorldAtLength does the same for stories that are longer than a fuzzer likes.
func TestWorldAtLength(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) // the same stories every time
	for range 500 {
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		live(t, data)
	}
}

func live(t *testing.T, data []byte) {
	t.Helper()
	w := newWorld(t, data)
	for len(w.bytes) > 0 {
		w.act(w.next())
	}
	if w.ended {
		w.boot()
	}
	w.settle()
	if w.s.Closing || w.s.Detaching {
		require.True(t, w.ended, "asked to end and did not\n%s", w)
		w.boot()
		w.settle()
	}
	w.requireConvergence()
	w.step(core.ShutdownRequested{})
	w.settle()
	require.True(t, w.ended, "shutdown does not end\n%s", w)
}

// act is one thing that may happen.
func (w *world) act(b int) {
	if w.ended {
		w.boot()
		return
	}
	switch b %= 80; {
	case b < 8:
		w.work()
	case b < 16:
		w.validate()
	case b < 22:
		w.admit()
	case b < 28:
		w.fire()
	case b < 42:
		w.speak(w.next() % 16)
	case b < 51:
		w.deliver(&w.talk)
	case b < 55:
		w.deliver(&w.exits)
	case b < 58:
		w.offer(w.next())
	case b >= 76:
		w.lane()
	case b >= 72:
		w.offerPackage(w.next())
	default:
		w.seldom(b)
	}
}

func (w *world) seldom(b int) {
	switch b {
	case 58:
		w.step(core.TelemetryOffered{Signals: core.Signals{Metrics: []string{"", "m", "M"}[w.next()%3]}})
	case 59:
		w.rare(w.next())
	case 60:
		w.step(core.RestartRequested{})
	case 61:
		w.stale(w.next())
	case 62:
		if w.child != nil {
			w.die("was killed")
		}
	case 63:
		w.lifeAndDeath(w.next())
	case 64:
		w.torn = w.next() % 8 // often more than there are
	case 66, 67:
		w.peace(w.next() % 64)
	case 65:
		if w.leaving {
			w.leaving = false
			w.step(core.LinkClosed{})
		}
	default:
		if w.child != nil && w.child.stopping {
			w.die("exited with code 0")
		}
	}
}

func (w *world) rare(b int) {
	switch b % 6 {
	case 0:
		w.step(core.Renamed{UID: "u2"})
	case 1:
		w.step(core.ServerGreeted{})
	case 2:
		w.step(core.ServerLost{Reason: "reset"})
	case 3:
		w.step(core.StoreChanged{Problem: "disk full"})
	case 4:
		w.binary = []string{"b1", "b2"}[b/6%2]
	case 5:
		w.step(core.StoreChanged{})
	}
}

// lifeAndDeath ends the daemon, by request or otherwise.
func (w *world) lifeAndDeath(b int) {
	switch b % 8 {
	case 0:
		w.step(core.ShutdownRequested{})
	case 1:
		w.step(core.ShutdownRequested{Force: true})
	case 2, 3:
		w.step(core.ReloadRequested{})
	case 4:
		w.child = nil // a machine that lost power
		w.boot()
	default:
		w.boot()
	}
}

// stale posts news of a run or an attempt that is long over, or not yet there.
func (w *world) stale(b int) {
	run := w.s.Agent.Run + core.RunID(b%3) - 1
	if run == w.s.Agent.Run {
		run += 7
	}
	w.step([]core.Event{
		core.Exited{Run: run, Reason: "exited"},
		core.Started{Run: run},
		core.StartFailed{Run: run},
		core.Reloaded{Run: run},
		core.ReloadFailed{Run: run},
		core.Expecting{Run: run},
		core.Adopted{Run: run},
		core.NothingFound{Run: run},
		core.AgentDescribed{Run: run, Marker: w.s.Rollout.Config},
		core.AgentHealth{Run: run, Healthy: true},
		core.AgentSilent{Run: run},
		core.AgentDisconnected{Run: run},
		core.Prepared{Attempt: w.s.Rollout.Attempt - 1, Config: "stale"},
		core.Refused{Attempt: w.s.Rollout.Attempt - 1},
		core.TimerFired{Timer: core.Timer(b % 13), ID: uint64(run) + 99},
		core.Fetched{Attempt: w.s.Upgrade.Attempt - 1, Release: core.Release{ID: "stale"}},
		core.FetchFailed{Attempt: w.s.Upgrade.Attempt - 1, Reason: "stale"},
		core.Rehearsed{Attempt: w.s.Upgrade.Attempt - 1},
		core.Unfit{Attempt: w.s.Upgrade.Attempt - 1},
		core.Selected{Release: "stale"},
		core.SelectFailed{Release: "stale"},
	}[b%21])
}

// requireConvergence holds when nothing is left to happen.
func (w *world) requireConvergence() {
	s := w.s
	if s.Settings.AcceptsConfig && s.Offered.Known() {
		require.Contains(w.t, []core.StatusCode{core.StatusApplied, core.StatusFailed}, s.Status.Code, "no verdict\n%s", w)
		require.Equal(w.t, s.Offered.Hash, s.Status.Hash)
	}
	w.requireReleases()
	if w.hopeless() {
		return
	}
	require.Equal(w.t, core.StageIdle, s.Rollout.Stage, "%s", w)
	if s.Rollout.Tried.Target.Kind == core.TargetNone {
		require.Equal(w.t, core.PhaseDown, s.Agent.Phase, "%s", w)
		return
	}
	require.NotNil(w.t, w.child, "nothing runs\n%s", w)
	require.True(w.t, s.Agent.Healthy, "%s", w)
	require.Equal(w.t, s.Rollout.Active, w.child.config, "%s", w)
	if w.checked.unfit[s.Rollout.Tried] {
		return // what ran before runs on
	}
	require.Equal(w.t, render(s.Rollout.Tried), w.child.config, "%s", w)
	if s.Status.Code == core.StatusApplied && s.Settings.AcceptsConfig && !s.Offered.Empty {
		require.Equal(w.t, s.Offered, s.Rollout.Tried.Target.Offer, "APPLIED but not in force\n%s", w)
		require.Equal(w.t, s.Offered, s.Rollout.Good, "has lasted, but is not the last known good\n%s", w)
	}
	if !s.Link.Told.Health.Healthy {
		require.Fail(w.t, "reported as unhealthy", "%s", w)
	}
}

// FuzzStep feeds events as they may never come: nothing may panic.
func FuzzStep(f *testing.F) {
	f.Add("Booted\nNothingFound Run=1\nPrepared Attempt=1 Config=\"c\"\nExpecting Run=2\nExited Run=2\nLinkClosed")
	f.Fuzz(func(_ *testing.T, script string) {
		s := fresh()
		for line := range strings.Lines(script) {
			if ev, err := trace.Parse(line); err == nil {
				s, _ = core.Step(s, ev)
			}
		}
	})
}
