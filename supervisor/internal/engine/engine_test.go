package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
	"opampd/supervisor/internal/engine"
)

func offer(hash string) core.ConfigOffered {
	return core.ConfigOffered{Offer: core.Offer{Hash: hash, Body: "body-of-" + hash}}
}

func TestDurableStateIsSavedBeforeTheFirstCommandOfItsStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), true)
		w.tell(offer("aa"))
		saved, prepared := w.index(t, "save aa"), w.index(t, `Prepare Attempt=2 Wish.Target.Kind=offer`)
		assert.Less(t, saved, prepared)
		assert.Equal(t, "aa", w.disk.saved.Offered.Hash)
	})
}

func TestStateThatDidNotChangeIsNotSavedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), true)
		w.tell(core.ServerGreeted{}, core.ServerLost{Reason: "weather"}, core.ServerGreeted{})
		assert.NotContains(t, strings.Join(w.entries(), "\n"), "save")
	})
}

func TestVerdictIsRecordedBeforeLaterCommandsAreHandedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.lanes[config].answer = refuseOffers
		w.run(t.Context(), true)
		w.tell(offer("bad"))
		assert.Less(t, w.index(t, "record bad"), w.index(t, `ReportStatus Status.Hash="bad" Status.Code=FAILED`))
	})
}

func refuseOffers(ctx context.Context, cmd core.Command) core.Event {
	if p, ok := cmd.(core.Prepare); ok && p.Wish.Target.Kind == core.TargetOffer {
		return core.Refused{Attempt: p.Attempt, Kind: core.KindContent, Reason: "not YAML"}
	}
	return obey(ctx, cmd)
}

func TestCommandsOfALaneAreCarriedOutInTheOrderOfTheCore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), true)
		for i := range 40 {
			w.tell(offer(fmt.Sprintf("%02x", i)))
		}
		var wanted []string
		for _, step := range w.steps() {
			for _, cmd := range step.Commands {
				switch any(cmd).(type) {
				case core.Connect, core.Publish, core.ReportStatus:
					wanted = append(wanted, trace.Line(cmd))
				}
			}
		}
		assert.Greater(t, len(wanted), 40)
		assert.Equal(t, wanted, w.lanes[upstream].done())
	})
}

func TestBlockedLaneDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		w.lanes[upstream].answer = func(context.Context, core.Command) core.Event { <-release; return nil }
		w.run(t.Context(), false)
		w.index(t, "Start Run=2")
		assert.Len(t, w.lanes[upstream].done(), 1, "the rest waits")
		close(release)
		synctest.Wait()
		assert.Greater(t, len(w.lanes[upstream].done()), 1)
	})
}

func TestTimerOfTheCoreComesBackAsAnEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), false)
		began := time.Now()
		w.tell(core.Exited{Run: 2, Reason: "exited with code 1"}, core.Exited{Run: 3, Reason: "exited with code 1"})
		require.Zero(t, w.seen(core.TimerFired{}))
		for w.seen(core.TimerFired{}) == 0 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		assert.InDelta(t, 0.5, time.Since(began).Seconds(), 0.02, "the first to pass is settleUnready of run 4")
	})
}

func TestFullDiskIsToldOnceAndDoesNotStopTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), true)
		w.disk.full.Store(true) // each failure has words of its own
		for _, hash := range []string{"aa", "bb", "cc"} {
			w.tell(offer(hash))
		}
		w.index(t, `Prepare Attempt=4`)
		assert.Equal(t, 1, w.seen(core.StoreChanged{}))
		assert.Less(t, w.disk.failures.Load(), int32(30))
		view, ok := w.View(t.Context())
		assert.True(t, ok)
		assert.Contains(t, view.State.Storage, "no space")
	})
}

func TestFullDiskIsTriedAgainEachTickUntilItTakesEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.lanes[config].answer = refuseOffers
		w.run(t.Context(), true)
		w.disk.full.Store(true)
		w.tell(offer("bad"))
		failures := w.disk.failures.Load()
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		assert.GreaterOrEqual(t, w.disk.failures.Load(), failures+3)
		assert.Equal(t, 1, w.seen(core.StoreChanged{}), "told once")

		w.disk.full.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, "bad", w.disk.saved.Offered.Hash)
		require.Len(t, w.disk.recorded, 1, "the verdict that was owed")
		assert.Equal(t, "bad", w.disk.recorded[0].Offer.Hash)
		assert.Equal(t, 2, w.seen(core.StoreChanged{}), "and that it is well again")
		view, _ := w.View(t.Context())
		assert.Empty(t, view.State.Storage)

		writes := len(w.entries())
		time.Sleep(10 * time.Second)
		assert.NotContains(t, w.entries()[writes:], "save bad", "a disk that is well is left alone")
	})
}

func TestExitIsReturnedAndEveryGoroutineHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), false)
		time.Sleep(time.Second) // the Collector handles signals by now
		w.tell(core.ShutdownRequested{})
		<-w.ended // long timers are still running here: they must not hold up the end
		require.NoError(t, w.err)
		assert.False(t, w.exit.Detach)
		w.index(t, "Stop Run=2")
		w.index(t, "Disconnect")
	})
}

func TestDetachedExitSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), false)
		w.tell(core.ReloadRequested{})
		<-w.ended
		require.NoError(t, w.err)
		assert.True(t, w.exit.Detach)
	})
}

func TestEndOfTheContextIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		w.run(ctx, false)
		cancel(assert.AnError)
		<-w.ended
		assert.ErrorIs(t, w.err, assert.AnError)
	})
}

func TestLaneInTheMiddleOfAPostDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		begin := make(chan struct{})
		w.lanes[upstream].answer = func(ctx context.Context, _ core.Command) core.Event {
			<-begin
			for ctx.Err() == nil { // a flood, as from a server that does not stop talking
				w.post(core.ServerGreeted{})
			}
			return nil
		}
		w.run(t.Context(), false)
		close(begin)
		w.Post(t.Context(), core.ShutdownRequested{Force: true})
		<-w.ended
		assert.NoError(t, w.err)
	})
}

func TestPostWaitsForRoomAndGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := engine.New(engine.Settings{}) // nobody takes anything
		ctx, cancel := context.WithCancel(t.Context())
		posted, done := 0, make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				e.Post(ctx, core.ServerGreeted{})
				posted++
			}
		}()
		synctest.Wait()
		assert.Equal(t, 64, posted)
		cancel()
		<-done
	})
}

func TestPostAndViewAfterTheEndReturnAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		w.run(ctx, false)
		cancel()
		<-w.ended
		for range 100 {
			w.Post(context.Background(), core.ServerGreeted{})
		}
		_, ok := w.View(context.Background())
		assert.False(t, ok)
	})
}

func TestViewShowsTheStateAndTheLastEventsInTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), false)
		for i := range 500 {
			w.tell(core.ServerLost{Reason: fmt.Sprint(i)})
		}
		view, ok := w.View(t.Context())
		require.True(t, ok)
		assert.Equal(t, core.PhaseRunning, view.State.Agent.Phase)
		require.Len(t, view.Events, 400)
		assert.Equal(t, `ServerLost Reason="100"`, view.Events[0])
		assert.Equal(t, `ServerLost Reason="499"`, view.Events[399])
	})
}

func TestEachStepIsObservedWithWhatItChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), false)
		steps := w.steps()
		require.NotEmpty(t, steps)
		assert.Equal(t, core.Booted{At: 1}, steps[0].Event)
		assert.NotEmpty(t, steps[0].Commands)
		for i := 1; i < len(steps); i++ {
			assert.Equal(t, steps[i-1].To, steps[i].From)
		}
	})
}

func TestAliveIsCalledWhileTheLoopIsWell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), false)
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		assert.Equal(t, int32(10), w.alive.Load())
	})
}
