package core_test

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
)

// invariants is what must hold in the world whatever happens.
type invariants struct {
	w       *world
	ledger  []core.Verdict
	ready   core.RunID // the run that was heard to be healthy
	marker  string     // what the session of the extension said last
	healthy bool

	binaries map[string]map[string]bool     // that each configuration was prepared with
	offered  map[string]map[core.Offer]bool // the offers that each was prepared for

	said      core.StatusCode      // what the server was told of the offered configuration
	refusedBy map[core.Offer]bool  // offers refused for their content in this life
	unfit     map[core.Wish]bool   // what was refused last
	lost      int                  // known good ones that turned out bad in this life
	verdicts  map[string]core.Kind // on releases
}

func newInvariants(w *world) invariants {
	return invariants{w: w, binaries: map[string]map[string]bool{}, offered: map[string]map[core.Offer]bool{}, unfit: map[core.Wish]bool{}, verdicts: map[string]core.Kind{}}
}

// newLife sets the part of the state that the engine computes from the ledger.
func (c *invariants) newLife() {
	good := c.good()
	if len(good) > 0 {
		c.w.s.Rollout.Good = good[0]
	}
	if len(good) > 1 {
		c.w.s.Rollout.Spare = good[1]
	}
	c.ready, c.marker, c.healthy, c.lost = 0, "", false, 0
	c.refusedBy = map[core.Offer]bool{}
}

// good computes the known good offers, newest first, as the store does.
func (c *invariants) good() []core.Offer {
	var good []core.Offer
	seen := map[core.Offer]bool{}
	for _, v := range slices.Backward(c.ledger) {
		if v.Kind == core.KindSuperseded {
			continue
		}
		if !seen[v.Offer] && v.Good {
			good = append(good, v.Offer)
		}
		seen[v.Offer] = true
	}
	return good
}

func (c *invariants) start(cmd core.Start) {
	w := c.w
	require.Nil(w.t, w.child, "two Collectors at once\n%s", w)
	require.NotEmpty(w.t, cmd.Config, "a Collector without a configuration\n%s", w)
	require.Contains(w.t, c.binaries, cmd.Config, "never prepared\n%s", w)
}

func (c *invariants) reload(cmd core.Reload) {
	w := c.w
	require.NotEqual(w.t, core.ReloadRestart, w.s.Settings.Reload)
	require.Equal(w.t, cmd.Run, c.ready, "SIGHUP before the Collector was ready\n%s", w)
	require.True(w.t, c.binaries[cmd.Config][w.s.Agent.Binary], "prepared with another binary\n%s", w)
}

func (c *invariants) exit(cmd core.Exit) {
	w := c.w
	require.True(w.t, w.s.Closing || w.s.Detaching, "nobody asked to end\n%s", w)
	if !cmd.Detach {
		require.Nil(w.t, w.child, "the Collector is left behind\n%s", w)
	}
	require.False(w.t, cmd.Detach && w.s.Closing, "shutdown left the Collector\n%s", w)
}

func (c *invariants) prepared(p core.Prepare, config, binary string) {
	if c.binaries[config] == nil {
		c.binaries[config] = map[string]bool{}
	}
	c.binaries[config][binary] = true
	c.unfit[p.Wish] = false
	if c.offered[config] == nil {
		c.offered[config] = map[core.Offer]bool{}
	}
	c.offered[config][p.Wish.Target.Offer] = true
}

func (c *invariants) refused(p core.Prepare, kind core.Kind) {
	c.unfit[p.Wish] = true
	if kind == core.KindContent {
		c.refusedBy[p.Wish.Target.Offer] = true
	}
}

// step looks at one step of the core.
func (c *invariants) step(before core.State, ev core.Event, cmds []core.Command) {
	c.hear(ev)
	c.statuses(before, ev, cmds)
	c.lastGood(before, cmds)
	c.process(before, ev, cmds)
	c.told()
	again, more := core.Step(c.w.s, core.AgentEffective{})
	require.Empty(c.w.t, more, "an event that says nothing led to work\n%s", c.w)
	require.Equal(c.w.t, c.w.s, again)
}

// hear keeps what the extension was heard to say. What it said before SIGHUP is void.
func (c *invariants) hear(ev core.Event) {
	run := c.w.s.Agent.Run
	switch ev := ev.(type) {
	case core.Adopted:
		if ev.Run == run {
			c.ready = run
		}
	case core.AgentDescribed:
		if ev.Run == run {
			c.marker, c.healthy = ev.Marker, c.healthy && ev.Marker == c.marker
		}
	case core.AgentHealth:
		if ev.Run == run && c.marker != "" {
			c.healthy = ev.Healthy
			if ev.Healthy {
				c.ready = ev.Run
			}
		}
	case core.AgentDisconnected:
		if ev.Run == run {
			c.marker, c.healthy = "", false
		}
	case core.AgentSilent:
		if ev.Run == run {
			c.healthy = false
		}
	case core.Exited:
		if ev.Run == run {
			c.marker, c.healthy = "", false
		}
	default:
	}
}

// statuses checks what the server is told of the offered configuration.
func (c *invariants) statuses(before core.State, ev core.Event, cmds []core.Command) {
	w := c.w
	if declined, ok := ev.(core.ConfigOffered); ok && declined.Problem != "" && declined.Offer.Hash != w.s.Offered.Hash {
		return
	}
	newer := before.Offered != w.s.Offered
	for _, cmd := range cmds {
		switch cmd := cmd.(type) {
		case core.Connect:
			c.said = cmd.Status.Code
		case core.ReportStatus:
			if strings.HasSuffix(cmd.Status.Message, "before this one was looked at") {
				continue // overtaken before it was looked at
			}
			if newer && strings.HasPrefix(cmd.Status.Message, "superseded") {
				require.Equal(w.t, before.Offered.Hash, cmd.Status.Hash, "another's hash\n%s", w)
				c.said = core.StatusFailed
				continue
			}
			if newer && cmd.Status.Hash == before.Offered.Hash && before.Offered.Hash != w.s.Offered.Hash {
				c.said = cmd.Status.Code // the verdict on it let in the one that waited
				continue
			}
			if newer {
				c.replaced(before.Offered)
				newer = false
			}
			require.Equal(w.t, w.s.Offered.Hash, cmd.Status.Hash, "another's hash\n%s", w)
			c.report(before, ev, cmd.Status)
		default:
		}
	}
	if newer {
		c.replaced(before.Offered)
	}
}

// replaced checks that an offer got its verdict before a newer one took its place.
func (c *invariants) replaced(offer core.Offer) {
	final := c.said == core.StatusApplied || c.said == core.StatusFailed
	require.True(c.w.t, final || !offer.Known(), "no verdict on %v\n%s", offer, c.w)
	c.said = core.StatusUnset
}

// report checks one status: APPLYING, then one verdict. APPLIED may still turn
// into FAILED, and FAILED into APPLIED when there is evidence after all. The same
// may be said again, since the server heard of another offer in between.
func (c *invariants) report(before core.State, ev core.Event, status core.Status) {
	w, was := c.w, c.said
	c.said = status.Code
	switch {
	case was == status.Code:
		return
	case status.Code == core.StatusApplying:
		require.Contains(w.t, []core.StatusCode{core.StatusUnset, core.StatusFailed}, was, "%s", w)
	case status.Code == core.StatusApplied:
		require.Contains(w.t, []core.StatusCode{core.StatusApplying, core.StatusFailed}, was, "%s", w)
		c.evidence(w.s.Offered)
	case status.Code == core.StatusFailed:
		require.Contains(w.t, []core.StatusCode{core.StatusApplying, core.StatusApplied}, was, "%s", w)
		require.NotEmpty(w.t, status.Message)
		c.blame(before, ev, w.s.Offered)
	default:
		require.Fail(w.t, "no such status", "%s", w)
	}
}

// evidence checks that APPLIED is true.
func (c *invariants) evidence(offer core.Offer) {
	w := c.w
	if offer.Empty {
		require.Equal(w.t, core.PhaseDown, w.s.Agent.Phase)
		require.Nil(w.t, w.child, "stopped, it says\n%s", w)
		return
	}
	require.True(w.t, c.healthy, "APPLIED without a healthy Collector\n%s", w)
	require.True(w.t, c.offered[c.marker][offer], "APPLIED while %q runs\n%s", c.marker, w)
}

// blame checks that a death is blamed on the configuration that died.
func (c *invariants) blame(before core.State, ev core.Event, offer core.Offer) {
	switch ev.(type) {
	case core.Exited, core.AgentSilent, core.StartFailed:
		require.True(c.w.t, c.offered[before.Agent.Config][offer], "%v for the end of %q\n%s", offer, before.Agent.Config, c.w)
	default:
	}
}

// told checks that the server sees a healthy agent only while it is one, while it is
// stopped as ordered, or on its way from one configuration to the next.
func (c *invariants) told() {
	w, s := c.w, c.w.s
	if !s.Link.Told.Health.Healthy || s.Link.Leaving {
		return
	}
	stopped := s.Agent.Phase == core.PhaseDown && s.Rollout.Tried.Target.Kind == core.TargetNone
	healthy := c.healthy && s.Agent.Phase == core.PhaseRunning && c.marker == s.Agent.Config
	require.True(w.t, healthy || stopped || s.Agent.Gap != 0 && s.Agent.Cause == "", "told to be healthy\n%s", w)
}

// process checks what is asked of the process and when.
func (c *invariants) process(before core.State, ev core.Event, cmds []core.Command) {
	w, s := c.w, c.w.s
	for _, cmd := range cmds {
		config := ""
		switch cmd := cmd.(type) {
		case core.Prepare:
		case core.Start:
			config = cmd.Config
			require.NotEqual(w.t, core.KindContent, c.verdicts[cmd.Release], "a release that failed\n%s", w)
		case core.Reload:
			config = cmd.Config
			c.reload(cmd)
		default:
			continue
		}
		require.False(w.t, s.Closing || s.Detaching, "%s while it ends\n%s", trace.Line(cmd), w)
		require.True(w.t, config == "" || config != s.Rollout.Banned, "%s is known to be bad\n%s", config, w)
	}
	if _, ok := ev.(core.Prepared); ok && s.Rollout.Active != before.Rollout.Active {
		require.NotEqual(w.t, core.StagePreparing, s.Rollout.Stage, "a configuration nobody wants any more\n%s", w)
	}
	if s.Agent.Phase != core.PhaseRunning {
		return
	}
	for _, cmd := range w.process {
		_, start := cmd.(core.Start)
		_, reload := cmd.(core.Reload)
		require.False(w.t, start || reload, "it cannot know that yet\n%s", w)
	}
	if w.child != nil && w.child.life == w.boots && w.child.run == s.Agent.Run {
		require.Equal(w.t, w.child.pid, s.Agent.PID, "%s", w)
	}
}

// verdict checks that a good verdict is true, and that one is taken back only for
// what the configuration did or what is in it.
func (c *invariants) verdict(before core.Rollout, v core.Verdict) {
	w := c.w
	if v.Good {
		require.True(w.t, c.healthy && c.marker == v.Config, "good without evidence: %v\n%s", v, w)
		require.True(w.t, c.offered[v.Config][v.Offer], "good by another's evidence: %v\n%s", v, w)
		return
	}
	if v.Offer == before.Good || v.Offer == before.Spare {
		fair := v.Kind == core.KindContent || v.Kind == core.KindWorld && (v.Config != "" || strings.Contains(v.Reason, "opampd ended"))
		require.True(w.t, fair, "lost its standing: %v\n%s", v, w)
	}
}

// lastGood checks that the core returns to what the ledger calls good.
func (c *invariants) lastGood(before core.State, cmds []core.Command) {
	w, was := c.w, c.good()
	kept := len(c.ledger)
	for _, cmd := range cmds {
		if r, ok := cmd.(core.Record); ok && !r.Verdict.Package {
			require.True(w.t, r.Verdict.Offer.Known())
			require.False(w.t, r.Verdict.Good && r.Verdict.Offer.Empty)
			c.verdict(before.Rollout, r.Verdict)
			c.ledger = append(c.ledger, r.Verdict)
		}
	}
	now := c.good()
	c.ledger = c.ledger[:kept]
	for _, o := range was {
		if !slices.Contains(now, o) {
			c.lost++
		}
	}
	if good := w.s.Rollout.Good; good.Known() {
		require.NotEmpty(w.t, now, "%v is not good\n%s", good, w)
		require.Equal(w.t, now[0], good, "the ledger knows a newer good one\n%s", w)
	} else if len(now) > 0 {
		require.GreaterOrEqual(w.t, c.lost, 2, "the last known good is lost\n%s", w)
	}
	r := w.s.Rollout
	if r.Attempt != before.Rollout.Attempt && r.At > core.LevelGood && w.s.Settings.AcceptsConfig && r.Good.Known() {
		require.True(w.t, c.refusedBy[r.Good], "%s runs instead of %v\n%s", r.At, r.Good, w)
	}
}
