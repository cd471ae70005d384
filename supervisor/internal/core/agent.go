package core

import "time"

// Phase is where the Collector process is in its life:
//
//	Down -> Arming -> Starting -> Running -> Stopping -> Down
//	                                 ^  |
//	                                 |  v
//	                              Reloading
//
// An exit leads from each of them back to Down.
type Phase int

// The phases of the Collector process.
const (
	PhaseDown      Phase = iota
	PhaseArming          // the local link is told whom to expect
	PhaseStarting        // the process is being made
	PhaseRunning         // the process exists; whether it works is said by Healthy
	PhaseReloading       // the process is being told of its new configuration
	PhaseStopping        // the process was asked to end
)

// Agent is what is known of the Collector process and of the session of its opamp
// extension.
type Agent struct {
	Phase     Phase
	Run       RunID
	PID       int
	StartedAt Time
	Config    string // the configuration it was given last
	Binary    string // the binary it was started from
	Release   string // the release that is
	Adopted   bool   // it was started by an earlier daemon
	Reloaded  bool   // it was given Config by SIGHUP, not when it was started
	Turning   bool   // and has not said yet that it let go of the one before
	Gap       uint64 // the attempt for which it left a configuration in good health, and has said nothing of the next; zero: none

	Connected, Healthy bool
	Marker             string // the configuration that the extension says is in force
	Ready              bool   // was healthy once, so that SIGHUP does not kill it
	Settled            bool   // handles SIGTERM by now (the Collector installs its handlers late)

	Restart bool // a new process is wanted, whatever it runs
	Backoff bool // not to be started before the timer fires
	Crashes int  // unasked ends since it last ran long enough
	Cause   string
}

const (
	// settleAfterReady covers the moment between "ready" and the Collector's own
	// signal handlers, in which SIGTERM and SIGHUP kill it (20 ms at v0.149).
	settleAfterReady = 25 * time.Millisecond
	// settleUnready is how long a Collector that does not get ready is spared a signal.
	settleUnready = 500 * time.Millisecond
	// adoptTimeout is how long an adopted Collector has to find us again: its
	// extension may be at the longest step of its own backoff, 60 s plus half.
	adoptTimeout = 100 * time.Second
	// codeError is what a Collector ends with when it says itself why it cannot go on;
	// a panic ends it with another one.
	codeError = 1
	// crashLoop is how many crashes in a row are called a loop.
	crashLoop = 5
)

func (m *machine) adopted(ev Adopted) {
	if ev.Run != m.Agent.Run || m.Boot != BootFinding {
		return
	}
	m.Boot = BootDone
	m.Agent = Agent{
		Phase: PhaseRunning, Run: ev.Run, PID: ev.PID, StartedAt: ev.At, Config: ev.Config, Binary: ev.Binary,
		Release: ev.Release, Adopted: true, Ready: true, Settled: true,
	}
	m.Rollout.Active, m.Rollout.Checker, m.Rollout.Release = ev.Config, ev.Binary, ev.Release
	m.emit(Expect{Run: ev.Run, Token: ev.Token})
	if m.Forced {
		m.emit(Kill{Run: ev.Run})
	}
}

func (m *machine) expecting(ev Expecting) {
	if ev.Run != m.Agent.Run || m.Agent.Phase != PhaseArming {
		return
	}
	if m.Closing || m.Detaching || m.goingBack() || m.Agent.Config != m.Rollout.Active || m.Agent.Release != m.Rollout.Release {
		m.Agent.Phase = PhaseDown // no process was made yet, and this one is not wanted any more
		return
	}
	m.Agent.Phase = PhaseStarting
	m.emit(Start{Run: m.Agent.Run, Config: m.Agent.Config, Token: ev.Token, Release: m.Agent.Release})
	m.emit(SetTimer{Timer: TimerUnready, ID: uint64(ev.Run), After: settleUnready})
	m.emit(SetTimer{Timer: TimerSteady, ID: uint64(ev.Run), After: m.Settings.RestartReset})
}

func (m *machine) started(ev Started) {
	if ev.Run != m.Agent.Run || m.Agent.Phase != PhaseStarting {
		return
	}
	m.Agent.Phase, m.Agent.PID, m.Agent.StartedAt = PhaseRunning, ev.PID, ev.At
}

func (m *machine) reloaded(ev Reloaded) {
	if ev.Run == m.Agent.Run && m.Agent.Phase == PhaseReloading {
		m.Agent.Phase = PhaseRunning
	}
}

func (m *machine) reloadFailed(ev ReloadFailed) {
	if ev.Run != m.Agent.Run || m.Agent.Phase != PhaseReloading {
		return
	}
	m.Agent.Phase, m.Agent.Gap = PhaseRunning, 0
	failed := m.failTrial("the Collector could not be told to reload: "+ev.Reason, "")
	m.Agent.Config = m.Agent.Marker // it runs on unchanged, and may stay when it is what comes next
	if !failed {
		m.Agent.Restart = true // a new process brings it to where it should be
	}
}

// gone folds the end of the process into the facts. An end that was asked for is
// no crash, and neither is one by a signal that came too early for its handlers.
func (m *machine) gone(ev Exited) {
	if ev.Run != m.Agent.Run || m.Agent.Phase == PhaseDown {
		return
	}
	asked := m.Agent.Phase == PhaseStopping || m.Closing
	torn := m.Agent.Turning && ev.Code != codeError
	m.Agent.Phase, m.Agent.PID, m.Agent.StartedAt = PhaseDown, 0, 0
	m.session(false)
	m.Agent.Restart, m.Agent.Adopted = false, false
	if asked {
		return
	}
	m.Agent.Cause = withTail("the Collector "+ev.Reason, ev.Tail)
	m.Agent.Crashes++
	if torn {
		return // by letting go of the old configuration: the new one gets a process of its own
	}
	if m.failRelease(ev.Reason, ev.Tail) || m.goingBack() {
		return
	}
	if m.failTrial("with this configuration the Collector "+ev.Reason, ev.Tail) {
		return
	}
	if m.Agent.Crashes >= crashLoop && m.Rollout.At > LevelOffered {
		m.exchange()
	}
	m.backOff()
}

// backOff lets the first start after a crash happen at once (most crashes are
// single, and each second down is telemetry lost) and delays the later ones. A
// configuration that has not run yet does not wait for what its predecessor did.
func (m *machine) backOff() {
	if m.Agent.Crashes < 2 || m.Agent.Config != m.Rollout.Active {
		return
	}
	delay := m.Settings.RestartDelay
	for range min(m.Agent.Crashes-2, 16) {
		delay = min(2*delay, m.Settings.RestartMax)
	}
	m.Agent.Backoff = true
	m.emit(SetTimer{Timer: TimerBackoff, ID: uint64(m.Agent.Run), After: delay, Jitter: true})
}

func (m *machine) steady(run RunID) {
	if run == m.Agent.Run && m.Agent.Phase != PhaseDown {
		m.Agent.Crashes, m.Agent.Cause = 0, ""
	}
}

// talks reports whether a run has a process whose extension may be talking. What
// it said before it died may arrive after the news of its death.
func (m *machine) talks(run RunID) bool {
	return run == m.Agent.Run && m.Agent.Phase != PhaseDown && m.Agent.Phase != PhaseArming
}

// session forgets what an earlier session of the extension said.
func (m *machine) session(connected bool) {
	m.Agent.Connected, m.Agent.Healthy, m.Agent.Marker = connected, false, ""
	m.Link.Seen.Status, m.Link.Seen.LastError, m.Link.Seen.Tree = "", "", ""
}

func (m *machine) described(ev AgentDescribed) {
	if !m.talks(ev.Run) {
		return
	}
	if ev.Marker != m.Agent.Marker || !m.Agent.Connected {
		m.session(true)
	}
	m.Agent.Marker = ev.Marker
	m.Agent.Turning = m.Agent.Turning && ev.Marker != m.Agent.Config
	m.Link.Seen.Description = ev.Description
}

func (m *machine) health(ev AgentHealth) {
	if !m.talks(ev.Run) || !m.Agent.Connected {
		return
	}
	if m.Agent.Healthy && !ev.Healthy && ev.Status == statusStarting {
		return // said late: the extension gathers what its components said before all was ready
	}
	m.Agent.Healthy = ev.Healthy
	if m.Agent.Phase != PhaseStopping && m.Agent.Marker == m.Agent.Config && (ev.Healthy || ev.Status != statusStarting) {
		m.Agent.Gap = 0 // the next configuration speaks for itself
	}
	m.Link.Seen.Status, m.Link.Seen.LastError, m.Link.Seen.Tree = ev.Status, ev.LastError, ev.Tree
	if ev.Healthy {
		m.Agent.Cause = ""
		if !m.Agent.Ready {
			m.Agent.Ready, m.Agent.Settled = true, false
			m.emit(SetTimer{Timer: TimerSettle, ID: uint64(ev.Run), After: settleAfterReady})
		}
	}
}

func (m *machine) disconnected(ev AgentDisconnected) {
	if m.talks(ev.Run) {
		m.session(false)
	}
}

func (m *machine) silent(ev AgentSilent) {
	if ev.Run != m.Agent.Run || m.Agent.Phase != PhaseRunning && m.Agent.Phase != PhaseReloading {
		return
	}
	m.session(false)
	m.Agent.Crashes++
	m.Agent.Cause = "the Collector has been silent for three heartbeats"
	if m.failRelease("hangs: nothing was heard from it for three heartbeats", "") {
		return
	}
	m.failTrial("with this configuration the Collector hangs: nothing was heard from it for three heartbeats", "")
	m.Agent.Restart = true
}

// restartRequested wants a new process, unless one is about to be made anyway.
func (m *machine) restartRequested() {
	switch m.Agent.Phase {
	case PhaseDown:
		m.Agent.Backoff = false // the operator's word is worth one try at once
		m.prepareAgain(m.Rollout.Attempt)
	case PhaseRunning, PhaseReloading:
		m.Agent.Restart = true
	case PhaseArming, PhaseStarting, PhaseStopping:
	}
}

// planAgent brings the process one step nearer to the wanted configuration.
func (m *machine) planAgent() {
	switch m.Agent.Phase {
	case PhaseDown:
		m.planDown()
	case PhaseRunning:
		m.planRunning()
	case PhaseArming, PhaseStarting, PhaseReloading, PhaseStopping:
	}
}

func (m *machine) planDown() {
	if m.Closing || m.Detaching || m.Agent.Backoff || m.goingBack() || m.Rollout.Active == "" || m.Rollout.Active == m.Rollout.Banned {
		return
	}
	was := m.Agent
	m.Agent = Agent{
		Phase: PhaseArming, Run: was.Run + 1, Config: m.Rollout.Active, Binary: m.Rollout.Checker, Release: m.Rollout.Release,
		Crashes: was.Crashes, Cause: was.Cause, Gap: was.Gap,
	}
	m.emit(Expect{Run: m.Agent.Run})
}

func (m *machine) planRunning() {
	if m.Detaching || !m.Agent.Settled {
		return
	}
	change := m.Rollout.Active != m.Agent.Config || m.Rollout.Release != m.Agent.Release
	switch {
	case m.Closing || m.Rollout.Active == "":
		m.stop()
	case m.Rollout.Active == m.Rollout.Banned: // may not start again: runs on until there is what to replace it with
	case m.Agent.Restart || change && !m.reloadable():
		m.stop()
	case change:
		m.bridge()
		m.Agent.Phase, m.Agent.Config, m.Agent.Reloaded, m.Agent.Turning = PhaseReloading, m.Rollout.Active, true, true
		m.emit(Reload{Run: m.Agent.Run, Config: m.Agent.Config})
	}
}

func (m *machine) stop() {
	m.bridge()
	m.Agent.Phase = PhaseStopping
	stop := Stop{Run: m.Agent.Run}
	if !m.Closing && m.Rollout.Active != "" {
		stop.Next = m.Rollout.Release
	}
	m.emit(stop)
	if m.Agent.Run == m.Upgrade.Hasty {
		m.emit(SetTimer{Timer: TimerKill, ID: uint64(m.Agent.Run), After: killGrace})
	}
}

// reloadable reports whether SIGHUP is safe: the Collector was ready (before that
// it dies of it), works now, is not in the middle of another reload, and runs from
// the binary that the new configuration was validated with.
func (m *machine) reloadable() bool {
	return m.Settings.Reload != ReloadRestart && m.Agent.Ready && m.healthyOn(m.Agent.Config) &&
		m.Agent.Binary == m.Rollout.Checker && m.Agent.Release == m.Rollout.Release
}

// healthyOn reports whether the Collector says itself that it works with exactly
// this configuration.
func (m *machine) healthyOn(config string) bool {
	return m.Agent.Phase == PhaseRunning && m.Agent.Connected && m.Agent.Healthy &&
		m.Agent.Config == config && m.Agent.Marker == config
}

func withTail(reason, tail string) string {
	if tail == "" {
		return reason
	}
	return reason + "; it said last:\n" + tail
}
