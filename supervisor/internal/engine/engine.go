// Package engine runs the one goroutine that owns the supervisor's state: it takes
// an event, steps the core, saves what must survive, and hands the commands to
// lanes. Nothing else owns state, and the loop waits for nothing but the disk.
package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
)

// Lane carries out the commands of one resource, one after the other, and reports
// each outcome as an event. It may block; the loop never waits for it. When ctx
// ends it must return soon.
type Lane interface {
	Run(ctx context.Context, cmd core.Command)
}

// Lanes says who carries out what.
type Lanes struct{ Agent, Config, Local, Upstream, Upgrade Lane }

// Store keeps what must survive a crash. Both calls return when the data is on
// disk. A verdict that could not be recorded is written together with the next one
// that can.
type Store interface {
	Save(d core.Durable) error
	Record(v core.Verdict) error
}

// Transition is one step of the core, for logs and metrics.
type Transition struct {
	Event    core.Event
	From, To core.State
	Commands []core.Command
}

// Settings is what the engine works with. Observe is called for each step and
// Alive at least every AliveEvery while the loop is well; both must not block.
type Settings struct {
	Store      Store
	Observe    func(Transition)
	Alive      func()
	AliveEvery time.Duration
}

// inboxSize lets a burst of events in before their senders wait for the loop.
const inboxSize = 64

// Engine owns the state. Only Run touches it.
type Engine struct {
	settings Settings
	inbox    chan core.Event
	views    chan chan View
	ended    chan struct{} // closed when the loop takes nothing any more
	dirty    bool          // the newest durable state is not on disk
	owed     *core.Verdict // the newest one that the disk did not take
	state    core.State
	history  history
}

// View is a look at the state from outside the loop.
type View struct {
	State  core.State
	Events []string // the last events, oldest first, in the syntax of package trace
}

// New returns an engine that has not started. Post may be called at once.
func New(settings Settings) *Engine {
	return &Engine{
		settings: settings, inbox: make(chan core.Event, inboxSize), views: make(chan chan View), ended: make(chan struct{}),
	}
}

// Post hands an event to the loop, and waits while the loop has too many. It gives
// up when ctx or the loop has ended, so that nobody hangs on a daemon that leaves.
func (e *Engine) Post(ctx context.Context, ev core.Event) {
	select {
	case e.inbox <- ev:
	case <-e.ended:
	case <-ctx.Done():
	}
}

// View returns the state as it is between two steps; false means that ctx or the
// loop ended first.
func (e *Engine) View(ctx context.Context) (View, bool) {
	answer := make(chan View, 1)
	select {
	case e.views <- answer:
		return <-answer, true
	case <-e.ended:
	case <-ctx.Done():
	}
	return View{}, false
}

// Run steps the core from the given state until it asks to exit, which is
// returned, or ctx ends, which is an error. When Run returns, every goroutine that
// it started has returned. It can be called once.
func (e *Engine) Run(ctx context.Context, s core.State, lanes Lanes) (core.Exit, error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer close(e.ended) // before the wait: a lane may be in the middle of a Post

	e.state = s
	out := newDispatch(ctx, &wg, lanes, func(ev core.Event) { e.Post(ctx, ev) })
	tick := time.NewTicker(e.settings.AliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return core.Exit{}, fmt.Errorf("engine stopped: %w", context.Cause(ctx))
		case ev := <-e.inbox:
			if exit, done := e.step(ev, out); done {
				return exit, nil
			}
		case answer := <-e.views:
			answer <- View{State: e.state, Events: e.history.lines()}
		case <-tick.C:
			e.settings.Alive()
			if exit, done := e.retry(out); done {
				return exit, nil
			}
		}
	}
}

// step takes one event through the core. What is durable is on disk before the
// first command is handed out; when the disk does not take it, the core is told,
// and goes on: telemetry comes before our own memory.
func (e *Engine) step(ev core.Event, out *dispatch) (core.Exit, bool) {
	from := e.state
	to, cmds := core.Step(from, ev)
	e.state = to
	e.history.add(trace.Line(ev))
	e.settings.Observe(Transition{Event: ev, From: from, To: to, Commands: cmds})
	if to.Durable != from.Durable {
		e.dirty = true
	}
	problem := e.save()
	for _, cmd := range cmds {
		if exit, ok := cmd.(core.Exit); ok {
			return exit, true
		}
		if r, ok := cmd.(core.Record); ok {
			problem = cmp.Or(e.record(r.Verdict), problem)
		}
		out.hand(cmd)
	}
	if problem != "" && e.state.Storage == "" { // told once: the words of a second failure may differ
		return e.step(core.StoreChanged{Problem: problem}, out)
	}
	return core.Exit{}, false
}

// save writes the durable state when it is not on disk, and returns the problem.
func (e *Engine) save() string {
	if !e.dirty {
		return ""
	}
	if err := e.settings.Store.Save(e.state.Durable); err != nil {
		return err.Error()
	}
	e.dirty = false
	return ""
}

// record writes a verdict, or remembers that it is owed, and returns the problem.
func (e *Engine) record(v core.Verdict) string {
	if err := e.settings.Store.Record(v); err != nil {
		e.owed = &v
		return err.Error()
	}
	e.owed = nil
	return ""
}

// retry tries again what the disk did not take, and tells the core when it does.
func (e *Engine) retry(out *dispatch) (core.Exit, bool) {
	if e.state.Storage == "" {
		return core.Exit{}, false
	}
	e.dirty = true // a disk that takes nothing but what is there already is not well
	problem := e.save()
	if problem == "" && e.owed != nil {
		problem = e.record(*e.owed)
	}
	if problem != "" {
		return core.Exit{}, false
	}
	return e.step(core.StoreChanged{}, out)
}
