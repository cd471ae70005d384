// Package core decides what the supervisor does next. It is a pure function of
// the current state and one event: no clock, no I/O, no goroutines, no logging.
//
// Five small machines share one state: the agent process (agent.go), the
// configuration rollout (rollout.go), the upgrade (upgrade.go, trial.go, revert.go),
// the link to the server (link.go) and the report that the server sees (report.go). Each folds events into facts
// (observe) and compares what is wanted with what is there (plan); plan looks at
// facts and never at how they came about, so a restart after a crash needs no
// code of its own. Where two machines want the process, one order holds:
// shutdown over upgrade over configuration over restart.
package core

// Step records one event and returns the new state with the work it calls for,
// in the order in which the engine must hand it out.
func Step(s State, ev Event) (State, []Command) {
	m := &machine{State: s}
	m.observe(ev)
	m.plan()
	return m.State, m.out
}

// machine is a State that is being stepped, with the commands so far. It lives
// for one Step only.
type machine struct {
	State
	out []Command
}

func (m *machine) emit(c Command) { m.out = append(m.out, c) }

// observe folds the event into the facts. What follows from them is up to plan,
// except for verdicts: an outcome is reported where it is seen.
func (m *machine) observe(ev Event) { //nolint:funlen // one line for each event
	switch ev := ev.(type) {
	case Booted:
		m.booted()
	case Adopted:
		m.adopted(ev)
	case NothingFound:
		m.nothingFound(ev)
	case Expecting:
		m.expecting(ev)
	case Started:
		m.started(ev)
	case StartFailed:
		m.startFailed(ev)
	case Reloaded:
		m.reloaded(ev)
	case ReloadFailed:
		m.reloadFailed(ev)
	case Exited:
		m.gone(ev)
	case AgentDescribed:
		m.described(ev)
	case AgentHealth:
		m.health(ev)
	case AgentEffective:
		m.effective(ev)
	case AgentComponents:
		m.components(ev)
	case AgentCustomCapabilities:
		m.customCapabilities(ev)
	case AgentMessage:
		m.fromAgent(ev)
	case AgentDisconnected:
		m.disconnected(ev)
	case AgentSilent:
		m.silent(ev)
	case Prepared:
		m.prepared(ev)
	case Refused:
		m.refused(ev)
	case ConfigOffered:
		if m.held() && ev.Problem == "" {
			m.queue(ev)
			return
		}
		m.offered(ev)
	case PackagesOffered:
		m.packagesOffered(ev)
	case Fetching:
		m.fetching(ev)
	case Fetched:
		m.fetched(ev)
	case FetchFailed:
		m.fetchFailed(ev.Attempt, ev.Kind, ev.Reason)
	case Rehearsed:
		m.rehearsed(ev)
	case Unfit:
		m.fetchFailed(ev.Attempt, ev.Kind, ev.Reason)
	case Selected:
		m.selected(ev)
	case SelectFailed:
		m.selectFailed(ev)
	case RollbackRequested:
		m.rollbackRequested()
	case TelemetryOffered:
		m.telemetryOffered(ev)
	case HeartbeatOffered:
		m.Beat = ev.Beat
	case RestartRequested:
		m.restartRequested()
	case Renamed:
		m.renamed(ev)
	case ServerGreeted:
		m.greeted()
	case ServerLost:
		m.lost(ev)
	case ServerMessage:
		m.fromServer(ev)
	case ServerCustomCapabilities:
		m.serverCapabilities(ev)
	case LinkClosed:
		m.Link.Closed = true
	case TimerFired:
		m.timer(ev)
	case StoreChanged:
		m.Storage = ev.Problem
	case ShutdownRequested:
		m.shutdown(ev)
	case ReloadRequested:
		m.Detaching = m.Detaching || !m.Closing
	}
}

// plan closes the gap between what is wanted and what is there by one step for
// each resource.
func (m *machine) plan() {
	if m.Boot == BootNone {
		return
	}
	for before := (State{}); m.Boot == BootDone && before != m.State; { // one may open the way for another
		before = m.State
		m.planUpgrade()
		m.planRollout()
		m.planAgent()
	}
	m.planReport()
	m.planExit()
}

func (m *machine) booted() {
	if m.Boot != BootNone {
		return
	}
	m.Boot = BootFinding
	m.Agent.Run++
	m.judgeInterrupted()
	m.resumeTrial()
	m.Link.Joined = true
	m.emit(Connect{UID: m.UID, Status: m.Status, Beat: m.Beat})
	m.emit(Find{Run: m.Agent.Run})
}

func (m *machine) nothingFound(ev NothingFound) {
	if ev.Run == m.Agent.Run && m.Boot == BootFinding {
		m.Boot = BootDone
	}
}

func (m *machine) shutdown(ev ShutdownRequested) {
	m.Closing, m.Detaching = true, false
	if ev.Force && !m.Forced {
		m.Forced = true
		if m.Agent.Phase != PhaseDown || m.Boot == BootFinding {
			m.emit(Kill{Run: m.Agent.Run})
		}
	}
}

// planExit ends the daemon when it was asked to end and nothing is left to do:
// the process is down (or, when detaching, stands still for the next life to
// adopt), and the server was told.
func (m *machine) planExit() {
	if !m.Closing && !m.Detaching || m.Exiting || m.Boot != BootDone {
		return
	}
	still := m.Agent.Phase == PhaseDown || m.Detaching && m.Agent.Phase == PhaseRunning
	if !still {
		return
	}
	if !m.Link.Leaving && !m.Forced {
		m.Link.Leaving = true
		m.emit(Disconnect{})
		return
	}
	if m.Link.Closed || m.Forced {
		m.Exiting = true
		m.forgiveTry()
		m.forgiveTrial()
		m.emit(Exit{Detach: m.Detaching && m.Agent.Phase == PhaseRunning})
	}
}

func (m *machine) timer(ev TimerFired) {
	switch ev.Timer {
	case TimerApply:
		m.applyDeadline(ev.ID)
	case TimerProbation:
		m.probationEnded(ev.ID)
	case TimerRetry:
		m.cooled(ev.ID)
	case TimerPrepare:
		m.prepareAgain(ev.ID)
	case TimerBackoff:
		m.Agent.Backoff = m.Agent.Backoff && RunID(ev.ID) != m.Agent.Run
	case TimerSettle:
		m.Agent.Settled = m.Agent.Settled || RunID(ev.ID) == m.Agent.Run
	case TimerSteady:
		m.steady(RunID(ev.ID))
	case TimerUnready:
		m.Agent.Settled = m.Agent.Settled || RunID(ev.ID) == m.Agent.Run && !m.Agent.Ready
	case TimerPackage:
		m.packageCooled(ev.ID)
	case TimerSelect:
		m.selectAgain(ev.ID)
	case TimerWatch:
		m.watched(ev.ID)
	case TimerIll:
		m.illFor(ev.ID)
	case TimerKill:
		m.killSlow(RunID(ev.ID))
	case TimerGap:
		m.gapEnded(ev.ID)
	}
}
