package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
	"opampd/supervisor/internal/engine"
)

// world is an engine with a disk and five lanes that do at once what they are told.
type world struct {
	*engine.Engine
	journal
	disk  disk
	lanes [5]*lane // agent, config, local, upstream, upgrade
	alive atomic.Int32
	post  func(core.Event)
	ended chan struct{}
	exit  core.Exit
	err   error
	stop  context.CancelFunc
}

const agent, config, local, upstream, upgrade = 0, 1, 2, 3, 4

// journal is what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
	taken []engine.Transition
}

func (j *journal) entries() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) observe(step engine.Transition) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.taken = append(j.taken, step)
}

func (j *journal) steps() []engine.Transition {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.taken)
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// index is where a line that begins with start stands.
func (j *journal) index(t *testing.T, start string) int {
	t.Helper()
	lines := j.entries()
	i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, start) })
	require.GreaterOrEqual(t, i, 0, "%s is not in\n%s", start, strings.Join(lines, "\n"))
	return i
}

// disk is the store.
type disk struct {
	*journal
	full     atomic.Bool
	failures atomic.Int32
	saved    core.Durable
	recorded []core.Verdict
}

func (d *disk) write(what string) error {
	if d.full.Load() {
		return fmt.Errorf("no space for %s, attempt %d", what, d.failures.Add(1))
	}
	d.note("%s", what)
	return nil
}

func (d *disk) Save(s core.Durable) error {
	err := d.write("save " + s.Offered.Hash)
	if err == nil {
		d.saved = s
	}
	return err
}

func (d *disk) Record(v core.Verdict) error {
	err := d.write("record " + v.Offer.Hash)
	if err == nil {
		d.recorded = append(d.recorded, v)
	}
	return err
}

// lane notes each command and answers it.
type lane struct {
	*journal
	post   func(core.Event)
	answer func(ctx context.Context, cmd core.Command) core.Event
	got    []string
}

func (l *lane) Run(ctx context.Context, cmd core.Command) {
	line := trace.Line(cmd)
	l.note("%s", line)
	l.mu.Lock()
	l.got = append(l.got, line)
	l.mu.Unlock()
	if ev := l.answer(ctx, cmd); ev != nil {
		l.post(ev)
	}
}

func (l *lane) done() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// obey is how a healthy world answers.
func obey(_ context.Context, cmd core.Command) core.Event {
	switch cmd := any(cmd).(type) {
	case core.Find:
		return core.NothingFound(cmd)
	case core.Prepare:
		return core.Prepared{Attempt: cmd.Attempt, Config: fmt.Sprintf("r%d", cmd.Attempt), Binary: "b", Name: "otelcol", Version: "1"}
	case core.Expect:
		return core.Expecting{Run: cmd.Run, Token: "t"}
	case core.Start:
		return core.Started{Run: cmd.Run, PID: 7, At: 1}
	case core.Stop:
		return core.Exited{Run: cmd.Run, At: 2}
	case core.Kill:
		return core.Exited{Run: cmd.Run, At: 2}
	case core.Disconnect:
		return core.LinkClosed{}
	default:
		return nil
	}
}

// newWorld is for the bubble of synctest, where time passes when nobody has anything
// to do, and which fails the test when a goroutine is left at its end.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{ended: make(chan struct{})}
	w.disk.journal = &w.journal
	w.Engine = engine.New(engine.Settings{
		Store: &w.disk, Observe: w.observe, Alive: func() { w.alive.Add(1) }, AliveEvery: time.Second,
	})
	ctx := t.Context()
	w.post = func(ev core.Event) { w.Post(ctx, ev) }
	for i := range w.lanes {
		w.lanes[i] = &lane{journal: &w.journal, post: w.post, answer: obey}
	}
	t.Cleanup(func() {
		w.stop()
		<-w.ended
	})
	return w
}

// run starts the loop, until stop, with a Collector to be started from local files.
func (w *world) run(ctx context.Context, accepts bool) {
	state := core.State{
		Durable: core.Durable{UID: "018f2f3e-0000-7000-8000-000000000001"},
		Settings: core.Settings{
			AcceptsConfig: accepts, Rollback: true, ApplyTimeout: 5 * time.Second, Probation: 30 * time.Second,
			RestartDelay: time.Second, RestartMax: time.Minute, RestartReset: time.Minute,
		},
	}
	ctx, w.stop = context.WithCancel(ctx)
	go func() {
		defer close(w.ended)
		w.exit, w.err = w.Run(ctx, state, engine.Lanes{
			Agent: w.lanes[agent], Config: w.lanes[config], Local: w.lanes[local], Upstream: w.lanes[upstream],
			Upgrade: w.lanes[upgrade],
		})
	}()
	w.tell(core.Booted{At: 1})
}

// tell posts events and lets the world come to rest.
func (w *world) tell(events ...core.Event) {
	for _, ev := range events {
		w.post(ev)
	}
	synctest.Wait()
}

func (w *world) seen(kind core.Event) int {
	n := 0
	for _, step := range w.steps() {
		if fmt.Sprintf("%T", step.Event) == fmt.Sprintf("%T", kind) {
			n++
		}
	}
	return n
}
