package main

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
	"opampd/supervisor/internal/engine"
	"opampd/supervisor/internal/service"
	"opampd/supervisor/internal/telemetry"
)

// observer is the one place that logs what the core does: changes of the state, in
// words. It belongs to the loop.
type observer struct {
	log    *zap.Logger
	own    *telemetry.Telemetry
	since  time.Time // when the configuration on its way was offered
	status string

	commanded bool // the server asked for the next start
	bodies    int  // that may not be needed any more
	sweep     func(core.State)
	settle    func(blob string)
	publish   func(engine.Transition)
}

func (o *observer) observe(t engine.Transition) {
	if ce := o.log.Check(zap.DebugLevel, "event"); ce != nil {
		commands := make([]string, 0, len(t.Commands))
		for _, c := range t.Commands {
			commands = append(commands, trace.Line(c))
		}
		ce.Write(zap.String("event", trace.Line(t.Event)), zap.Strings("commands", commands))
	}
	o.agent(t.From.Agent, t.To.Agent, t.To.Rollout.Tried.Target.Kind)
	if _, ok := t.Event.(core.AgentHealth); ok && t.From.Agent.Healthy && !t.To.Agent.Healthy && t.To.Rollout.Stage == core.StageIdle && t.To.Agent.Phase == core.PhaseRunning && !t.To.Closing {
		o.log.Warn("the Collector is not healthy", zap.Int("pid", t.To.Agent.PID), zap.String("reason", t.To.Link.Seen.LastError))
	}
	if ev, ok := t.Event.(core.Exited); ok && t.From.Agent.Run == ev.Run {
		o.ended(ev, t)
	}
	for _, c := range t.Commands {
		if c, ok := c.(core.ReportStatus); ok {
			o.rollout(c.Status, t.To)
		}
	}
	if t.From.Boot != core.BootDone && t.To.Boot == core.BootDone {
		service.Ready() // the state is loaded, and what became of an earlier Collector is known
	}
	if _, ok := t.Event.(core.AgentSilent); ok && t.To.Agent.Crashes > t.From.Agent.Crashes {
		o.log.Error("the Collector hangs: nothing was heard from it for three heartbeats; it is replaced", zap.Int("pid", t.From.Agent.PID))
	}
	if ev, ok := t.Event.(core.StartFailed); ok {
		o.log.Error("the Collector "+ev.Reason, zap.Int("crashes_in_a_row", t.To.Agent.Crashes), restartIn(t.Commands))
	}
	if from, to := t.From.Rollout, t.To.Rollout; to.Problem != from.Problem && to.Problem != "" && t.To.Status.Code != core.StatusFailed {
		o.log.Warn("the configuration is not as wanted", zap.String("reason", to.Problem))
	}
	if !t.From.Link.Up && t.To.Link.Up {
		o.log.Info("the OpAMP server answers", zap.String("instance_uid", t.To.UID))
	}
	if t.From.Storage != t.To.Storage {
		o.storage(t.To.Storage)
	}
	o.upgrade(t)
	o.tidy(t)
	o.measure(t)
	o.tell(t.To)
}

func (o *observer) agent(from, to core.Agent, source core.TargetKind) {
	switch {
	case from.Phase == core.PhaseStarting && to.Phase == core.PhaseRunning:
		o.log.Info("the Collector was started", zap.Int("pid", to.PID), zap.String("config", short(to.Config)), zap.Stringer("from", source))
	case from.PID == 0 && to.PID != 0 && to.Adopted:
		o.log.Info("the running Collector was taken over", zap.Int("pid", to.PID), zap.String("config", short(to.Config)))
	case from.Phase != core.PhaseReloading && to.Phase == core.PhaseReloading:
		o.log.Info("the Collector is reloaded", zap.Int("pid", to.PID), zap.String("config", short(to.Config)))
	case !from.Healthy && to.Healthy:
		o.log.Info("the Collector is healthy", zap.Int("pid", to.PID), zap.String("config", short(to.Marker)))
	}
}

// ended tells a crash from an end that was asked for.
func (o *observer) ended(ev core.Exited, t engine.Transition) {
	agent := t.To.Agent
	if t.From.Agent.Phase == core.PhaseStopping || t.From.Closing {
		o.log.Info("the Collector was stopped", zap.Int("pid", t.From.Agent.PID))
		return
	}
	o.log.Error("the Collector "+ev.Reason, zap.Int("pid", t.From.Agent.PID), zap.Int("crashes_in_a_row", agent.Crashes),
		restartIn(t.Commands), zap.String("last_words", ev.Tail))
}

// restartIn is how long the next start of the Collector waits, give or take a fifth.
func restartIn(commands []core.Command) zap.Field {
	for _, c := range commands {
		if c, ok := c.(core.SetTimer); ok && c.Timer == core.TimerBackoff {
			return zap.Stringer("restart_in", c.After)
		}
	}
	return zap.Skip()
}

func (o *observer) rollout(s core.Status, state core.State) {
	log := o.log.With(zap.String("offer", short(s.Hash)))
	switch s.Code {
	case core.StatusApplying:
		o.since = time.Now()
		log.Info("a remote configuration is being applied")
	case core.StatusApplied:
		log.Info("the remote configuration is in force", zap.Duration("after", time.Since(o.since)), zap.String("config", short(state.Rollout.Config)))
	case core.StatusFailed:
		log.Error("the remote configuration failed", zap.String("reason", s.Message))
	case core.StatusUnset:
	}
}

func (o *observer) storage(problem string) {
	if problem == "" {
		o.log.Info("state can be saved again")
		return
	}
	o.log.Error("state cannot be saved; it would be lost if opampd ended now", zap.String("reason", problem))
}

// sweepEvery is how many verdicts and offers of packages come between two looks for bodies
// that nobody needs: a server that never tires of new ones must not fill the disk.
const sweepEvery = 16

func (o *observer) tidy(t engine.Transition) {
	if o.sweep == nil {
		return
	}
	before := o.bodies
	if ev, ok := t.Event.(core.PackagesOffered); ok && ev.Offer.Body != "" {
		o.settle(ev.Offer.Body) // the state knows it now, and no verdict names it
		o.bodies++
	}
	for _, c := range t.Commands {
		if _, ok := c.(core.Record); ok {
			o.bodies++
		}
	}
	if o.bodies/sweepEvery > before/sweepEvery {
		o.sweep(t.To)
	}
}

// tell keeps `systemctl status` in the picture.
func (o *observer) tell(s core.State) {
	server := "server not reached"
	if s.Link.Up {
		server = "server connected"
	}
	health := "not healthy"
	if s.Agent.Healthy {
		health = "healthy"
	}
	line := fmt.Sprintf("Collector %s, %s (pid %d, configuration %s); %s", s.Agent.Phase, health, s.Agent.PID, short(s.Agent.Config), server)
	if line != o.status {
		o.status = line
		service.Status(line)
	}
}

// short is enough of a hash to tell two apart.
func short(hash string) string { return hash[:min(len(hash), 12)] }
