//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/store"
)

// crash ends a life as a crash of the daemon would, but for the Collector's parent.
func (l *life) crash() { l.end() }

// adopted finds a Collector in a new life.
func (b *bench) adopted(t *testing.T, l *life) core.Adopted {
	t.Helper()
	l.do(core.Find{Run: 1})
	ev := b.next(t)
	adopted, ok := ev.(core.Adopted)
	require.True(t, ok, "%#v; %s", ev, b.warned())
	return adopted
}

// stopped expects a new life to end the Collector rather than keep it.
func (b *bench) stopped(t *testing.T, l *life, old *life, why string) {
	t.Helper()
	l.do(core.Find{Run: 1})
	assert.Equal(t, core.NothingFound{Run: 1}, b.next(t))
	assert.Contains(t, b.warned(), why)
	<-old.child.Done()
	found, err := b.Store.LoadRun(&run{})
	require.NoError(t, err)
	assert.False(t, found)
}

func TestNothingIsFoundOnAFirstStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	b.live(t, b.Settings, nil).do(core.Find{Run: 1})
	assert.Equal(t, core.NothingFound{Run: 1}, b.next(t))
	assert.Empty(t, LinkOf(b.Store.LoadRun, nil))
}

func TestCollectorOfAnEarlierLifeIsAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, started := b.started(t)
	first.crash()
	assert.Equal(t, b.Link, LinkOf(b.Store.LoadRun, nil))

	second := b.live(t, b.Settings, nil)
	adopted := b.adopted(t, second)
	assert.Equal(t, core.RunID(1), adopted.Run)
	assert.Equal(t, started.PID, adopted.PID)
	assert.Equal(t, started.At, adopted.At)
	assert.Equal(t, first.run.Config, adopted.Config)
	assert.Equal(t, first.run.Binary, adopted.Binary)
	assert.Equal(t, "t1", adopted.Token)

	second.do(core.Stop{Run: 1})
	assert.Equal(t, core.RunID(1), b.next(t).(core.Exited).Run)
	second.end()
	assert.Empty(t, b.events)
}

func TestWhatIsInheritedDoesNotKeepACollectorFromBeingAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, _ := b.started(t)
	first.crash()
	settings := b.Settings
	settings.Agent.Env = append(settings.Agent.Env, "INVOCATION_ID=another")
	b.adopted(t, b.live(t, settings, nil))
}

func TestAdoptedCollectorThatDiedIsStartedAgainOnTheFileInForce(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, _ := b.started(t)
	first.crash()
	second := b.live(t, b.Settings, nil)
	adopted := b.adopted(t, second)
	second.do(core.Kill{Run: 1})
	b.next(t)
	require.NoError(t, os.RemoveAll(filepath.Join(b.dir, "candidates"))) // nothing was prepared in this life
	second.do(core.Start{Run: 2, Config: adopted.Config})
	assert.IsType(t, core.Started{}, b.next(t))
}

func TestCollectorThatCannotBeKeptIsStopped(t *testing.T) {
	t.Parallel()
	for why, change := range map[string]func(t *testing.T, b *bench, s *Settings){
		"is taken by another program": func(_ *testing.T, _ *bench, s *Settings) { s.Link = "ws://127.0.0.1:1/v1/opamp" },
		"agent.args":                  func(_ *testing.T, _ *bench, s *Settings) { s.Agent.Args = []string{"--set", "a=b"} },
		"agent.env":                   func(_ *testing.T, _ *bench, s *Settings) { s.Agent.Variables = []string{"A=b"} },
		"not the one it was started with": func(t *testing.T, b *bench, _ *Settings) {
			t.Helper()
			err := os.WriteFile(b.Store.Path("effective.yaml"), []byte("another"), 0o600)
			require.NoError(t, err)
		},
	} {
		b := newBench(t, "good")
		first, _ := b.started(t)
		first.crash()
		settings := b.Settings
		change(t, b, &settings)
		b.stopped(t, b.live(t, settings, nil), first, why)
	}
}

func TestCollectorThatWasBeingStartedIsFoundByItsTokenAndStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	config := b.prepared(t, NewConfig(b.Settings), local())
	first := b.live(t, b.Settings, nil)
	first.do(core.Start{Run: 2, Config: config, Token: "unique-" + t.Name()})
	b.next(t)
	b.says(t, "ready")
	first.crash()
	r := first.run
	r.Process = process.Record{} // as it is between the two notes of a start
	require.NoError(t, b.Store.SaveRun(r))
	b.stopped(t, b.live(t, b.Settings, nil), first, "while it was being started")
}

func TestRecordOfAnotherProgramOrANonsenseOneFindsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	for _, r := range []any{
		run{Process: process.Record{PID: os.Getppid(), StartTime: 1, BootID: "x"}}, // the pid was given to somebody else
		run{Token: "of-nobody"},
		run{},
		"nonsense",
	} {
		require.NoError(t, b.Store.SaveRun(r))
		b.live(t, b.Settings, nil).do(core.Find{Run: 1})
		assert.Equal(t, core.NothingFound{Run: 1}, b.next(t), "%v", r)
	}
}

func TestDeadCollectorOfAnEarlierLifeIsNotFound(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, _ := b.started(t)
	first.crash()
	first.child.Kill()
	<-first.child.Done()
	b.live(t, b.Settings, nil).do(core.Find{Run: 1})
	assert.Equal(t, core.NothingFound{Run: 1}, b.next(t))
}

func TestHeirIsTakenOverEvenWithoutARecord(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, started := b.started(t)
	first.end()
	heir := first.Bequeath()
	require.NotNil(t, heir)
	require.NoError(t, b.Store.RemoveRun()) // a disk that was full when it should have been written
	assert.Equal(t, b.Link, LinkOf(b.Store.LoadRun, heir))

	second := b.live(t, b.Settings, heir)
	assert.Equal(t, started.PID, b.adopted(t, second).PID)
	second.do(core.Stop{Run: 1})
	assert.Equal(t, "exited with code 0", b.next(t).(core.Exited).Reason, "it is still our child")
	assert.Empty(t, b.events)
}

func TestHeirThatDiedBetweenTwoLivesIsAdoptedAndItsEndTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, _ := b.started(t)
	first.end()
	heir := first.Bequeath()
	first.child.Kill()
	<-first.child.Done()
	second := b.live(t, b.Settings, heir)
	b.adopted(t, second)
	assert.Equal(t, core.RunID(1), b.next(t).(core.Exited).Run)
}

func TestKillOvertakesTheEndOfACollectorThatCannotBeKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, "stubborn")
	first, _ := b.started(t)
	first.crash()
	settings := b.Settings
	settings.Agent.Args = []string{"--set", "a=b"}
	second := b.live(t, settings, nil)
	second.do(core.Find{Run: 1})
	b.says(t, "got terminated")
	assert.Empty(t, b.events)
	second.do(core.Kill{Run: 1})
	assert.Equal(t, core.NothingFound{Run: 1}, b.next(t))
	<-first.child.Done()
}

func TestNothingIsFoundOnlyWhenAStuckCollectorHasEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t, "stubborn")
	first, _ := b.started(t)
	first.crash()
	settings := b.Settings
	settings.Agent.Args = []string{"--set", "a=b"}
	second := b.live(t, settings, nil)
	second.Agent.StopTimeout = -stuckGrace // the end is given up at once
	second.do(core.Find{Run: 1}, core.Kill{Run: 1})
	assert.Equal(t, core.NothingFound{Run: 1}, b.next(t))
	require.NotEmpty(t, second.unwanted)
	for _, child := range second.unwanted {
		select {
		case <-child.Done():
		default:
			assert.Fail(t, "it was told too early")
		}
	}
}

func TestCollectorOfTheFallbackIsStoppedWhenTheStorageIsRepaired(t *testing.T) {
	t.Parallel()
	for _, recorded := range []bool{true, false} {
		b := newBench(t, "good")
		dir, fallback := filepath.Join(t.TempDir(), "storage"), store.Options{Fallback: []string{t.TempDir()}}
		require.NoError(t, os.WriteFile(dir, nil, 0o600)) // in the way
		st, _, err := store.Open(dir, fallback)
		require.ErrorContains(t, err, "running on with")
		b.Store = st
		first, _ := b.started(t)
		first.crash()
		if !recorded {
			require.NoError(t, st.RemoveRun())
		}
		require.NoError(t, st.Close())
		require.NoError(t, os.Remove(dir))

		b.Store, _, err = store.Open(dir, fallback)
		require.NoError(t, err)
		t.Cleanup(func() { _ = b.Store.Close() })
		b.live(t, b.Settings, nil).do(core.Find{Run: 1})
		assert.Equal(t, core.NothingFound{Run: 1}, b.next(t))
		<-first.child.Done()
		why := map[bool]string{true: "in another directory", false: "lost sight of"}
		assert.Contains(t, b.warned(), why[recorded])
	}
}
