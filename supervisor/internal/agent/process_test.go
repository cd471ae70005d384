//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/process"
)

func TestStartedIsToldBeforeExitedAndEachOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, "crashing")
	config := b.prepared(t, NewConfig(b.Settings), local())
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 2, Config: config})
	started := b.next(t).(core.Started)
	assert.Equal(t, core.RunID(2), started.Run)
	assert.Positive(t, started.PID)
	assert.NotZero(t, started.At)
	exited := b.next(t).(core.Exited)
	assert.Equal(t, core.RunID(2), exited.Run)
	assert.Equal(t, "exited with code 1: cannot start pipelines: listen tcp 127.0.0.1:4317: bind: address already in use", exited.Reason)
	assert.Contains(t, exited.Tail, "address already in use")
	assert.GreaterOrEqual(t, exited.At, started.At)
	l.end()
	assert.Empty(t, b.events)
}

func TestCollectorGetsItsTokenAndTheConfigurationThatWasPrepared(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	config := b.prepared(t, NewConfig(b.Settings), local())
	b.live(t, b.Settings, nil).do(core.Start{Run: 2, Config: config, Token: "secret"})
	b.says(t, "token secret")
	text, err := b.Store.Effective()
	require.NoError(t, err)
	assert.Contains(t, string(text), config)
	assert.NotContains(t, string(text), "secret")
}

func TestNamedFilesOfTheRemoteConfigurationAreLaidOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	lane := NewConfig(b.Settings)
	remote, plain := b.prepared(t, lane, b.offer(t, "processors: {batch: {}}")), b.prepared(t, lane, local())
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 2, Config: remote})
	text, err := os.ReadFile(filepath.Join(b.dir, "remote", "pipelines.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "processors: {batch: {}}", string(text))

	b.says(t, "ready")
	l.do(core.Reload{Run: 2, Config: plain})
	assert.NoFileExists(t, filepath.Join(b.dir, "remote", "pipelines.yaml"))
}

func TestReloadSwapsTheFileBeforeItSignals(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	l, started := b.started(t)
	next := b.prepared(t, NewConfig(b.Settings), b.offer(t, "processors: {batch: {}}"))
	l.do(core.Reload{Run: 2, Config: next})
	assert.Equal(t, core.Reloaded{Run: 2}, b.next(t))
	b.says(t, "got hangup")
	text, err := b.Store.Effective()
	require.NoError(t, err)
	assert.Contains(t, string(text), next)
	var r run
	found, err := b.Store.LoadRun(&r)
	require.NoError(t, err)
	require.True(t, found)
	assert.Equal(t, next, r.Config)
	assert.Equal(t, started.PID, r.Process.PID)
}

func TestReloadThatCannotBeDoneSaysWhyAndSendsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	l, _ := b.started(t)
	l.do(core.Reload{Run: 2, Config: "never-prepared"})
	assert.Contains(t, b.next(t).(core.ReloadFailed).Reason, "never-prepared")
	b.live(t, b.Settings, nil).do(core.Reload{Run: 9, Config: "x"})
	assert.Equal(t, core.ReloadFailed{Run: 9, Reason: "it is not running"}, b.next(t))
	l.do(core.Stop{Run: 2})
	assert.Equal(t, "exited with code 0", b.next(t).(core.Exited).Reason)
	assert.NotContains(t, strings.Join(b.rest(), "\n"), "hangup")
}

func TestReloadOfADeadCollectorIsAnsweredByItsEndAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	l, _ := b.started(t)
	next := b.prepared(t, NewConfig(b.Settings), b.offer(t, "processors: {batch: {}}"))
	l.do(core.Kill{Run: 2})
	assert.Equal(t, "was killed by signal 9 (SIGKILL)", b.next(t).(core.Exited).Reason)
	l.do(core.Reload{Run: 2, Config: next})
	assert.Equal(t, core.Reloaded{Run: 2}, b.next(t), "each command ends in exactly one event")
}

func TestKillOvertakesAStopThatWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t, "stubborn")
	l, _ := b.started(t)
	l.do(core.Stop{Run: 2})
	b.says(t, "got terminated")
	l.do(core.Kill{Run: 2})
	assert.Equal(t, "was killed by signal 9 (SIGKILL)", b.next(t).(core.Exited).Reason)
	l.do(core.Kill{Run: 2}, core.Stop{Run: 2}) // of nobody
	l.end()
	assert.Empty(t, b.events)
	assert.Empty(t, b.warned())
}

func TestStopWithoutACollectorDoesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	l := b.live(t, b.Settings, nil)
	l.do(core.Stop{Run: 1}, core.Kill{Run: 1})
	l.end()
	assert.Empty(t, b.events)
	assert.Nil(t, l.Bequeath())
}

func TestEndOfTheLaneDoesNotWaitForTheCollector(t *testing.T) {
	t.Parallel()
	b := newBench(t, "stubborn")
	l, started := b.started(t)
	l.do(core.Stop{Run: 2})
	b.says(t, "got terminated")
	l.end()
	assert.Empty(t, b.events)
	assert.NoError(t, syscall.Kill(started.PID, 0), "it lives")
}

func TestStartThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	l := b.live(t, b.Settings, nil)
	failure := func(config string) string {
		l.do(core.Start{Run: 4, Config: config})
		ev, ok := b.next(t).(core.StartFailed)
		require.True(t, ok)
		assert.Equal(t, core.RunID(4), ev.Run)
		assert.NotZero(t, ev.At)
		return ev.Reason
	}
	l.Agent.Executable = "/nonexistent"
	assert.Contains(t, failure("x"), "there is no Collector at /nonexistent", "it is asked when nothing is known of it")
	l.Agent.Executable = b.Agent.Executable
	config := b.prepared(t, NewConfig(b.Settings), local())
	assert.Contains(t, failure("never-prepared"), "never-prepared")
	l.Agent.Executable = "/nonexistent"
	assert.Equal(t, "could not be started: the Collector cannot be used: there is no Collector at /nonexistent; check agent.executable", failure(config))
	found, err := b.Store.LoadRun(&run{})
	require.NoError(t, err)
	assert.False(t, found)
}

func TestMethodsOfAProcessMayBeCalledFromSeveralGoroutines(t *testing.T) {
	t.Parallel() // for the race detector
	b := newBench(t, "stubborn")
	l, _ := b.started(t)
	for range 3 {
		l.do(core.Stop{Run: 2})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for l.child.Record() != (process.Record{}) {
			_ = l.child.Signal(syscall.SIGHUP)
		}
	}()
	b.says(t, "got terminated")
	l.do(core.Kill{Run: 2})
	assert.IsType(t, core.Exited{}, b.next(t))
	<-done
}

func TestCollectorIsStartedAgainWhenItsFilesWereDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, adopted := range []bool{false, true} {
		b := newBench(t, "good")
		l, _ := b.started(t)
		config, id := l.run.Config, core.RunID(2)
		if adopted {
			l.crash()
			l, id = b.live(t, b.Settings, nil), 1
			b.adopted(t, l)
		}
		require.NoError(t, os.Remove(b.Store.Path("collector.json")))
		require.NoError(t, os.Remove(b.Store.Path("effective.yaml")))
		require.NoError(t, os.RemoveAll(filepath.Join(b.dir, "candidates")))
		l.do(core.Kill{Run: id})
		b.next(t)
		l.do(core.Start{Run: 3, Config: config})
		ev := b.next(t)
		assert.IsType(t, core.Started{}, ev, "%+v", ev)
		assert.FileExists(t, b.Store.Path("effective.yaml"))
		var known inspections
		found, err := b.Store.LoadInspection(&known)
		require.NoError(t, err)
		assert.True(t, found)
		require.Len(t, known.Known, 1)
		assert.NotEmpty(t, known.Known[0].Hash)
	}
}
