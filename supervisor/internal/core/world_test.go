package core_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
)

// world is a model of everything round the core: a Collector, the lanes, the
// server, the disk. The fuzz bytes decide what happens next in it; what may never
// happen is in invariants_test.go.
type world struct {
	t     *testing.T
	bytes []byte
	calm  bool // everything answers, and as well as it can
	s     core.State
	disk  core.Durable
	story []step

	boots, pid int
	admitted   core.RunID // whom the local link lets in
	torn       int        // how many commands of the next step are handed out before the daemon dies; -1: all
	ended      bool
	process    []core.Command // the agent lane's FIFO for the process
	prepare    []core.Prepare
	expect     []core.Expect
	timers     []core.SetTimer
	leaving    bool
	spoke      bool         // the child and the timers take turns in a calm world
	exits      []core.Event // waiting to be seen
	talk       []core.Event // waiting to be heard

	child   *child
	binary  string
	upgrade upgrades
	checked invariants
}

// step is what the story is made of.
type step struct {
	event    core.Event
	commands []core.Command
	to       core.State
}

// child is the Collector process. Its configuration is what it really runs.
type child struct {
	run                 core.RunID
	release             string
	config, binary      string
	pid, life           int // life is that of the daemon which holds it
	connected, stopping bool
}

func newWorld(t *testing.T, data []byte) *world {
	t.Helper()
	w := &world{t: t, bytes: data, binary: "b1", torn: -1}
	w.checked = newInvariants(w)
	w.boot()
	return w
}

// next takes a byte; when none is left the world is calm.
func (w *world) next() int {
	if len(w.bytes) == 0 {
		w.calm = true
		return 0
	}
	b := w.bytes[0]
	w.bytes = w.bytes[1:]
	return int(b)
}

// chance is a one in n misfortune, which a calm world spares us.
func (w *world) chance(n int) bool { return !w.calm && w.next()%n == 0 && !w.calm }

// boot begins a life of the daemon with what is on disk.
func (w *world) boot() {
	settings := fresh().Settings
	bits := w.next()
	settings.Rollback = bits&3 != 0
	settings.HasFallback = bits&4 != 0
	settings.AcceptsConfig = bits&24 != 0
	settings.Reload = core.ReloadMode(bits >> 5 % 3)
	settings.AcceptsPackages = bits != 77
	w.s = core.State{Durable: w.disk, Settings: settings}
	if w.s.UID == "" {
		w.s.UID = "u1"
	}
	w.checked.newLife()
	w.survey()
	w.process, w.prepare, w.expect, w.timers, w.exits, w.talk = nil, nil, nil, nil, nil, nil
	w.leaving, w.ended, w.torn, w.admitted = false, false, -1, 0
	if w.child != nil {
		w.child.connected = false
	}
	w.boots++
	w.step(core.Booted{At: core.Time(w.boots)})
}

// step posts an event, saves, and hands out the commands as the engine does.
func (w *world) step(ev core.Event) {
	w.t.Helper()
	before := w.s
	after, cmds := core.Step(before, ev)
	w.s, w.disk = after, after.Durable
	w.story = append(w.story, step{ev, cmds, after})
	w.checked.step(before, ev, cmds)
	for i, c := range cmds {
		if i == w.torn {
			w.boot()
			return
		}
		w.hand(c)
	}
	w.torn = -1
}

func (w *world) hand(c core.Command) {
	switch c := c.(type) {
	case core.Find, core.Start, core.Reload, core.Stop, core.Kill:
		w.process = append(w.process, c)
	case core.Fetch, core.Abandon, core.Rehearse, core.Select:
		w.toUpgrade(c)
	case core.Prepare:
		w.prepare = append(w.prepare, c)
		require.Len(w.t, w.prepare, 1, "two Prepare under way\n%s", w)
	case core.Expect:
		w.expect = append(w.expect, c)
	case core.SetTimer:
		w.timers = append(w.timers, c)
	case core.Disconnect:
		w.leaving = true
	case core.Record:
		w.checked.record(c.Verdict)
	case core.Exit:
		w.checked.exit(c)
		w.ended = true
	case core.Forward, core.ForwardCapabilities, core.Connect, core.Publish, core.ReportStatus, core.Send, core.Prune:
	}
}

// work lets the process lane do its next command.
func (w *world) work() {
	if len(w.process) == 0 {
		return
	}
	c := w.process[0]
	w.process = w.process[1:]
	switch c := c.(type) {
	case core.Find:
		w.find(c)
	case core.Start:
		w.start(c)
	case core.Reload:
		w.reload(c)
	case core.Stop:
		w.stop(c.Run)
	case core.Kill:
		if w.stop(c.Run) {
			w.die("was killed")
		}
	default:
	}
}

func (w *world) find(c core.Find) {
	if w.child == nil || w.chance(4) {
		w.child = nil // stopped by Find
		w.step(core.NothingFound(c))
		return
	}
	w.child.run, w.child.life, w.child.stopping = c.Run, w.boots, false
	w.step(core.Adopted{
		Run: c.Run, PID: w.child.pid, At: 1, Config: w.child.config, Binary: w.child.binary, Token: "t",
		Release: w.child.release,
	})
}

func (w *world) start(c core.Start) {
	w.checked.start(c)
	if w.chance(8) {
		w.step(core.StartFailed{Run: c.Run, Reason: "could not be started", Damaged: c.Release != "" && w.chance(2)})
		return
	}
	w.pid++
	w.child = &child{run: c.Run, config: c.Config, binary: w.binaryOf(c.Release), release: c.Release, pid: w.pid, life: w.boots}
	w.step(core.Started{Run: c.Run, PID: w.pid, At: core.Time(w.pid)})
}

func (w *world) reload(c core.Reload) {
	if w.child == nil || w.child.run != c.Run || w.chance(8) {
		w.step(core.ReloadFailed{Run: c.Run, Reason: "no such process"})
		return
	}
	if w.child.connected {
		w.talk = append(w.talk, core.AgentDisconnected{Run: c.Run})
	}
	w.child.config, w.child.connected = c.Config, false
	w.step(core.Reloaded{Run: c.Run})
}

func (w *world) stop(run core.RunID) bool {
	if w.child == nil || w.child.run != run {
		return false
	}
	w.child.stopping = true
	return true
}

// die ends the child; the news of it and what it said last arrive later.
func (w *world) die(reason string) {
	if w.child.life == w.boots { // nobody watches the one of an earlier life
		w.exits = append(w.exits, core.Exited{Run: w.child.run, Reason: reason})
	}
	if w.child.connected {
		w.talk = append(w.talk, core.AgentDisconnected{Run: w.child.run})
	}
	w.child = nil
}

// speak lets the child say something. A configuration with "y" in it kills it,
// one with "z" never gets healthy.
func (w *world) speak(what int) {
	c := w.child
	switch {
	case c == nil:
	case c.stopping:
		w.die("exited with code 0")
	case c.deadly():
		w.die("exited with code 1")
	case c.run != w.admitted:
	case !c.connected:
		c.connected = true
		w.talk = append(w.talk, core.AgentDescribed{Run: c.run, Marker: c.config})
	case what == 1 && !w.calm:
		c.connected = false
		w.talk = append(w.talk, core.AgentDisconnected{Run: c.run})
	case what == 2 && !w.calm:
		w.talk = append(w.talk, core.AgentSilent{Run: c.run})
	default:
		healthy := !c.ill() && (w.calm || what != 3)
		w.talk = append(w.talk, core.AgentHealth{Run: c.run, Healthy: healthy, Status: "StatusOK"})
	}
}

// validate answers Prepare. A configuration with "x" in it is never valid.
func (w *world) validate() {
	if len(w.prepare) == 0 {
		return
	}
	p := w.prepare[0]
	w.prepare = nil
	luck := 0
	if !w.calm {
		luck = w.next()
	}
	switch {
	case p.Wish.Target.Offer.Body == "x" || p.Wish.Signals.Metrics == "M":
		w.refuse(p, core.KindContent)
	case w.calm || luck > 48:
		config := render(p.Wish)
		w.checked.prepared(p, config, w.binaryOf(p.Wish.Release))
		w.step(core.Prepared{Attempt: p.Attempt, Config: config, Binary: w.binaryOf(p.Wish.Release), Policy: "p"})
	default:
		w.refuse(p, []core.Kind{core.KindContent, core.KindWorld, core.KindBinary}[luck%3])
	}
}

func (w *world) refuse(p core.Prepare, kind core.Kind) {
	w.checked.refused(p, kind)
	w.step(core.Refused{Attempt: p.Attempt, Kind: kind, Reason: "refused", Binary: w.binary, Policy: "p"})
}

func render(wish core.Wish) string {
	kinds := map[core.TargetKind]string{core.TargetFallback: "fallback", core.TargetLocal: "local", core.TargetNoop: "noop"}
	return kinds[wish.Target.Kind] + wish.Target.Offer.Body + wish.Signals.Metrics + wish.Signals.Logs + "@" + wish.UID
}

func (w *world) admit() {
	if len(w.expect) > 0 {
		run := w.expect[0].Run
		w.expect, w.admitted = w.expect[1:], run
		w.step(core.Expecting{Run: run, Token: "t"})
	}
}

// fire lets a timer pass, in any order.
func (w *world) fire() {
	if len(w.timers) == 0 {
		return
	}
	i := 0
	if !w.calm {
		b := w.next()
		i = b % len(w.timers)
		if b > 99 { // mostly one of the newest
			i = len(w.timers) - 1 - b%min(len(w.timers), 3)
		}
	}
	timer := w.timers[i]
	w.timers = append(w.timers[:i:i], w.timers[i+1:]...)
	w.step(core.TimerFired{Timer: timer.Timer, ID: timer.ID})
}

func (w *world) deliver(queue *[]core.Event) {
	if len(*queue) > 0 {
		ev := (*queue)[0]
		*queue = (*queue)[1:]
		w.step(ev)
	}
}

func (w *world) offer(n int) {
	bodies := []string{"A", "B", "C", "x", "y", "z"}
	o := core.Offer{Hash: string(rune('0' + n%8)), Body: bodies[n%8%len(bodies)], Empty: n%16 == 15}
	if o.Empty {
		o.Body = ""
	}
	problem := ""
	if n&0xc0 == 0xc0 {
		problem, o.Body = "disk full", ""
	}
	w.step(core.ConfigOffered{Offer: o, Problem: problem})
}

// settle runs the calm world until nothing is left to happen.
func (w *world) settle() {
	w.calm = true
	w.torn = -1
	for range 4000 {
		if !w.tick() {
			return
		}
	}
	require.True(w.t, !w.s.Settings.Rollback || w.hopeless(), "the world does not calm down\n%s", w)
}

// peace is a while in which all goes well.
func (w *world) peace(moves int) {
	calm := w.calm
	w.calm = true
	for range moves {
		if !w.tick() {
			break
		}
	}
	w.calm = calm
}

// tick lets the next thing happen in a calm world, if there is one.
func (w *world) tick() bool {
	switch {
	case w.ended:
		return false
	case len(w.process) > 0:
		w.work()
	case len(w.expect) > 0:
		w.admit()
	case len(w.prepare) > 0:
		w.validate()
	case w.upgrade.busy():
		w.lane()
	case w.s.Storage != "":
		w.step(core.StoreChanged{})
	case len(w.talk) > 0:
		w.deliver(&w.talk)
	case len(w.exits) > 0:
		w.deliver(&w.exits)
	case w.leaving:
		w.leaving = false
		w.step(core.LinkClosed{})
	case w.child != nil && w.restless() && (!w.spoke || len(w.timers) == 0):
		w.spoke = true
		w.speak(0)
	case len(w.timers) > 0:
		w.spoke = false
		w.fire()
	default:
		return false
	}
	return true
}

// restless reports whether the child still has something to do or to say.
func (w *world) restless() bool {
	c := w.child
	return c.stopping || c.deadly() || !c.connected ||
		!w.s.Agent.Healthy && !c.ill() ||
		w.s.Agent.Marker == "" && w.s.Agent.Phase == core.PhaseRunning
}

// hopeless reports that the configuration which runs for want of a better one
// never works: nothing can be asked of the core then but to go on trying.
func (w *world) hopeless() bool { return strings.ContainsAny(w.s.Rollout.Active, "yz") }

// String is the story so far, as a scenario.
func (w *world) String() string {
	var b strings.Builder
	for _, step := range w.story[max(0, len(w.story)-100):] {
		fmt.Fprintf(&b, "> %s\n", trace.Line(step.event))
		write(&b, step.to, step.commands)
	}
	return b.String()
}
