//go:build linux

package agent

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

// installed makes the fake Collector the program of every release.
func (b *bench) installed() *bench {
	exe := b.Agent.Executable
	b.Program = func(release string) (Program, error) {
		return Program{Path: exe, Hash: "hash of " + release, Open: func() (*os.File, error) { return os.Open(exe) }}, nil
	}
	b.Agent.Executable = "/nonexistent/factory"
	return b
}

func installed(wish core.Wish) core.Wish {
	wish.Release = "r1"
	return wish
}

// rehearse asks a lane about a release.
func (b *bench) rehearse(t *testing.T, cmd core.Rehearse) core.Event {
	t.Helper()
	cmd.Attempt = 7
	NewConfig(b.Settings).Run(t.Context(), cmd)
	return b.next(t)
}

func TestReleaseIsAskedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good").installed()
	wish := b.offer(t, "exporters: {debug: {}}")
	assert.Equal(t, core.Rehearsed{Attempt: 7, Version: "1.2.3"}, b.rehearse(t, core.Rehearse{Wish: installed(wish)}))
	assert.Equal(t, 1, b.count(t, "--version"))
	assert.Equal(t, 1, b.count(t, "validate"))
	assert.NoFileExists(t, b.Store.Path("effective.yaml"), "what runs is untouched")
}

func TestReleaseThatCannotTakeOverIsUnfit(t *testing.T) {
	t.Parallel()
	for kind, words := range map[string]string{
		"strict":   `unknown type: "nonsense"`,
		"plain":    "has no opamp extension",
		"nameless": "no such flag",
		"broken":   "cannot initialise the random generator",
	} {
		b := newBench(t, kind).installed()
		ev, ok := b.rehearse(t, core.Rehearse{Wish: installed(local())}).(core.Unfit)
		require.True(t, ok, kind)
		assert.Equal(t, core.KindBinary, ev.Kind, "the configuration is not to blame")
		assert.Contains(t, ev.Reason, "not fit to take over")
		assert.Contains(t, ev.Reason, words)
	}
}

func TestReleaseMustTakeTheLastKnownGoodOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, "picky").installed()
	now, before := b.offer(t, "exporters: {debug: {}}"), b.offer(t, "exporters: {old/fashioned: {}}")
	ev, ok := b.rehearse(t, core.Rehearse{Wish: installed(now), Good: before.Target.Offer}).(core.Unfit)
	require.True(t, ok)
	assert.Contains(t, ev.Reason, "last known good configuration")
	assert.IsType(t, core.Rehearsed{}, b.rehearse(t, core.Rehearse{Wish: installed(now), Good: now.Target.Offer, Spare: before.Target.Offer}))
	assert.Contains(t, b.warned(), "earlier known good configuration", "one more is good to have")
}

func TestReleaseIsStartedThroughWhatWasChecked(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good").installed()
	config := b.prepared(t, NewConfig(b.Settings), installed(local()))
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 2, Config: config, Token: "secret", Release: "r1"})
	ev, ok := b.next(t).(core.Started)
	require.True(t, ok)
	b.says(t, "ready")
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", ev.PID))
	require.NoError(t, err)
	assert.NotContains(t, string(line), "/proc/self/fd", "it is called what it is")
	var r run
	found, err := b.Store.LoadRun(&r)
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "r1", r.Release, "the next life has to know")
	l.crash()
	adopted := b.adopted(t, b.live(t, b.Settings, nil))
	assert.Equal(t, "r1", adopted.Release)
}

func TestReleaseThatWasChangedIsNotStarted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good").installed()
	config := b.prepared(t, NewConfig(b.Settings), installed(local()))
	program := b.Program
	b.Program = func(release string) (Program, error) {
		p, err := program(release)
		p.Open = func() (*os.File, error) { return nil, errors.New("it is not what was installed") }
		return p, err
	}
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 2, Config: config, Release: "r1"})
	ev, ok := b.next(t).(core.StartFailed)
	require.True(t, ok)
	assert.Contains(t, ev.Reason, "not what was installed")
}

func TestExchangedExecutableIsNoticed(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	exe, err := os.ReadFile(b.Agent.Executable)
	require.NoError(t, err)
	path := t.TempDir() + "/otelcol"
	require.NoError(t, os.WriteFile(path, exe, 0o700))
	b.Agent.Executable = path
	b.prepared(t, NewConfig(b.Settings), local())
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, append(exe, "another build"...), 0o700))
	b.prepared(t, NewConfig(b.Settings), local())
	assert.Contains(t, b.warned(), "was exchanged")
	assert.Equal(t, 2, b.count(t, "components"), "another binary is asked anew")
}

func TestNextReleaseIsCheckedWhileTheOldOneRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good").installed()
	opened, program := 0, b.Program
	var running func() bool
	b.Program = func(release string) (Program, error) {
		p, err := program(release)
		open := p.Open
		p.Open = func() (*os.File, error) {
			if running != nil {
				opened++
				assert.True(t, running(), "to read a program takes longer than to start it")
			}
			return open()
		}
		return p, err
	}
	config := b.prepared(t, NewConfig(b.Settings), installed(local()))
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 2, Config: config, Release: "r1"})
	require.IsType(t, core.Started{}, b.next(t))
	b.says(t, "ready")
	running = func() bool {
		select {
		case <-l.child.Done():
			return false
		default:
			return true
		}
	}
	l.do(core.Stop{Run: 2, Next: "r2"})
	require.IsType(t, core.Exited{}, b.next(t))
	l.do(core.Start{Run: 3, Config: config, Release: "r2"})
	require.IsType(t, core.Started{}, b.next(t))
	assert.Equal(t, 1, opened)
}
