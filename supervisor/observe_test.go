package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	logtest "go.uber.org/zap/zaptest/observer"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
)

func running() core.State {
	return core.State{Boot: core.BootDone, Agent: core.Agent{Phase: core.PhaseRunning, Run: 2, PID: 7, Config: "0123456789abcdef"}}
}

func TestWhatMattersToAnOperatorIsLogged(t *testing.T) {
	t.Parallel()
	healthy := running()
	healthy.Agent.Healthy = true
	down := core.State{Boot: core.BootDone, Agent: core.Agent{Run: 2, Crashes: 1}}
	starting, stopping, full, up := running(), running(), running(), running()
	starting.Agent.Phase = core.PhaseStarting
	stopping.Agent.Phase = core.PhaseStopping
	full.Storage = "no space"
	up.Link.Up = true
	exited := core.Exited{Run: 2, Reason: "exited with code 1", Tail: "panic"}
	status := func(code core.StatusCode, message string) []core.Command {
		return []core.Command{core.ReportStatus{Status: core.Status{Hash: "ff", Code: code, Message: message}}}
	}
	for message, c := range map[string]struct {
		step  engine.Transition
		level zapcore.Level
	}{
		"the Collector was started":                   {engine.Transition{Event: core.Started{}, From: starting, To: running()}, zap.InfoLevel},
		"the Collector is healthy":                    {engine.Transition{Event: core.AgentHealth{}, From: running(), To: healthy}, zap.InfoLevel},
		"the Collector is not healthy":                {engine.Transition{Event: core.AgentHealth{}, From: healthy, To: running()}, zap.WarnLevel},
		"the Collector exited with code 1":            {engine.Transition{Event: exited, From: running(), To: down}, zap.ErrorLevel},
		"the Collector was stopped":                   {engine.Transition{Event: exited, From: stopping, To: down}, zap.InfoLevel},
		"the OpAMP server answers":                    {engine.Transition{Event: core.ServerGreeted{}, From: running(), To: up}, zap.InfoLevel},
		"state can be saved again":                    {engine.Transition{Event: core.StoreChanged{}, From: full, To: running()}, zap.InfoLevel},
		"a remote configuration is being applied":     {engine.Transition{Event: core.Prepared{}, From: running(), To: running(), Commands: status(core.StatusApplying, "")}, zap.InfoLevel},
		"the remote configuration is in force":        {engine.Transition{Event: core.Prepared{}, From: running(), To: running(), Commands: status(core.StatusApplied, "")}, zap.InfoLevel},
		"the remote configuration failed":             {engine.Transition{Event: core.Refused{}, From: running(), To: running(), Commands: status(core.StatusFailed, "why")}, zap.ErrorLevel},
		"the Collector could not be started: no such": {engine.Transition{Event: core.StartFailed{Reason: "could not be started: no such"}, From: starting, To: down}, zap.ErrorLevel},
	} {
		logs, seen := logtest.New(zap.InfoLevel)
		(&observer{log: zap.New(logs)}).observe(c.step)
		entries := seen.FilterMessage(message).All()
		require.Len(t, entries, 1, "%s in %v", message, seen.All())
		assert.Equal(t, c.level, entries[0].Level, message)
		assert.Len(t, seen.All(), 1, message)
	}
}

func TestADelayedRestartIsLoggedWithItsDelay(t *testing.T) {
	t.Parallel()
	down := core.State{Boot: core.BootDone, Agent: core.Agent{Run: 2, Crashes: 3, Backoff: true}}
	delayed := []core.Command{core.SetTimer{Timer: core.TimerBackoff, ID: 2, After: 2 * time.Second, Jitter: true}}
	for _, ev := range []core.Event{core.Exited{Run: 2}, core.StartFailed{Run: 2}} {
		logs, seen := logtest.New(zap.InfoLevel)
		o := &observer{log: zap.New(logs)}
		o.observe(engine.Transition{Event: ev, From: running(), To: down, Commands: delayed})
		o.observe(engine.Transition{Event: ev, From: running(), To: down})
		require.Len(t, seen.All(), 2)
		assert.Equal(t, "2s", seen.All()[0].ContextMap()["restart_in"])
		assert.NotContains(t, seen.All()[1].ContextMap(), "restart_in", "at once")
	}
}

func TestStorageTroubleIsLoggedOnce(t *testing.T) {
	t.Parallel()
	logs, seen := logtest.New(zap.InfoLevel)
	o := &observer{log: zap.New(logs)}
	full := running()
	full.Storage = "no space"
	o.observe(engine.Transition{Event: core.StoreChanged{}, From: running(), To: full})
	o.observe(engine.Transition{Event: core.ServerLost{}, From: full, To: full})
	require.Len(t, seen.All(), 1)
	assert.Equal(t, "no space", seen.All()[0].ContextMap()["reason"])
}

func TestEventsAreLoggedOnlyForThoseWhoDebug(t *testing.T) {
	t.Parallel()
	logs, seen := logtest.New(zap.DebugLevel)
	(&observer{log: zap.New(logs)}).observe(engine.Transition{
		Event: core.Expecting{Run: 2, Token: "secret"}, From: running(), To: running(), Commands: []core.Command{core.Stop{Run: 2}},
	})
	require.Len(t, seen.All(), 1)
	assert.Equal(t, []any{"Stop Run=2"}, seen.All()[0].ContextMap()["commands"])
	assert.NotContains(t, seen.All()[0].ContextMap()["event"], "secret")
}
