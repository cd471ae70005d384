package core

import (
	"cmp"
	"fmt"
)

// Stage is where an attempt to bring a configuration into force stands.
type Stage int

// The stages of an attempt.
const (
	StageIdle      Stage = iota // nothing under way
	StagePreparing              // being merged and validated; what runs is untouched
	StageProving                // given to the process; waiting for evidence
)

// Level says how far down the list of what could run the rollout had to go.
type Level int

// The levels, most wanted first.
const (
	LevelOffered Level = iota // what the server offered last
	LevelLast                 // what was applied before it
	LevelGood                 // the last known good of the ledger
	LevelFallback
	LevelLocal
	LevelNoop
)

// Rollout is what is known of the configuration.
type Rollout struct {
	Attempt uint64 // numbers the attempts; answers of an older one are stale
	Stage   Stage
	Tried   Wish   // what the newest attempt is about
	Active  string // the rendered configuration that the process shall run; empty: none
	Config  string // the rendered configuration of the newest attempt, once it is prepared
	Checker string // the binary that validated Active
	Release string // the release that shall run it
	Banned  string // a rendered configuration that failed and must not start again
	Level   Level  // where to look for what could run
	At      Level  // where the newest attempt found it
	Last    Target // what was applied last
	Good    Offer  // the last known good, computed from the ledger
	Spare   Offer  // the one before it
	Problem string // why what runs is not what was wanted
	Plain   bool   // the own telemetry is left out: with it, the configuration was refused

	Clock   uint64 // numbers the waits for evidence
	Clocked RunID  // the run that the newest wait is about
	Overdue bool   // a wait of the newest attempt ended without evidence

	Declined Status // the answer to an offer that could not be stored, if the server heard that last

	Binary, Name, Version, Policy string // of the Collector that Prepare looked at

	Probation      Offer  // applied, and to be judged when it has lasted
	ProbationID    uint64 // the attempt whose timer ends it
	ProbationProof string // the rendered configuration on probation

	Cooling  bool   // a failed configuration is not to be tried again yet
	CoolID   uint64 // the attempt whose timer ends that
	Again    bool   // it was offered again meanwhile
	Retries  int    // how often one was tried again
	Waiting  bool   // for a timer, after a problem of the binary or the disk
	Stumbles int    // such problems in a row
}

// maxStumbles is how often the world may get in the way of preparing a configuration
// before the next best one is tried: something has to run.
const maxStumbles = 3

// planRollout begins an attempt when what is wanted changed, and ends one when
// there is evidence.
func (m *machine) planRollout() {
	if m.Closing || m.Detaching || m.goingBack() {
		return
	}
	if m.Rollout.Stage != StagePreparing && !m.Rollout.Waiting && m.wish() != m.Rollout.Tried {
		m.begin()
	}
	if m.Rollout.Stage == StageProving {
		m.prove()
	}
	if m.Rollout.Stage == StageProving {
		m.clock()
	}
}

func (m *machine) wish() Wish {
	if m.held() && m.Upgrade.Hold != (Wish{}) {
		wish := m.Upgrade.Hold
		wish.Release = m.release()
		return wish
	}
	target, _ := m.target()
	wish := Wish{Target: target, Signals: m.Signals, UID: m.UID, Release: m.release()}
	if m.Rollout.Plain {
		wish.Signals = Signals{}
	}
	return wish
}

func (m *machine) begin() {
	m.Rollout.Attempt++
	m.Rollout.Tried, m.Rollout.Stage = m.wish(), StagePreparing
	m.Rollout.Config, m.Rollout.Clocked, m.Rollout.Overdue = "", 0, false
	_, m.Rollout.At = m.target()
	if m.isOffered() && m.Status.Code == StatusUnset {
		m.report(StatusApplying, "")
	}
	if m.Rollout.Tried.Target.Kind == TargetNone {
		m.Rollout.Stage, m.Rollout.Release = StageProving, m.Rollout.Tried.Release
		m.switchTo("")
		return
	}
	m.emit(Prepare{Attempt: m.Rollout.Attempt, Wish: m.Rollout.Tried})
}

// isOffered reports whether the newest attempt is about the offered configuration.
func (m *machine) isOffered() bool {
	return m.Rollout.At == LevelOffered && m.Offered.Known() && m.Rollout.Tried.Target.Offer == m.Offered
}

func (m *machine) prepared(ev Prepared) {
	if ev.Attempt != m.Rollout.Attempt || m.Rollout.Stage != StagePreparing {
		return
	}
	m.Rollout.Binary, m.Rollout.Name, m.Rollout.Version = ev.Binary, ev.Name, ev.Version
	m.Rollout.Policy, m.Rollout.Stumbles = ev.Policy, 0
	if m.Upgrade.Current.ID == "" && m.Rollout.Tried.Release == "" {
		m.Upgrade.Current.Version, m.Upgrade.Current.Hash = ev.Version, ev.Binary
	}
	if m.Rollout.Tried != m.wish() || m.Closing || m.Detaching {
		m.Rollout.Stage = StageIdle
		return
	}
	if m.Status.Code == StatusApplying && m.isOffered() {
		m.Tries++
	}
	m.Rollout.Config, m.Rollout.Checker, m.Rollout.Stage = ev.Config, ev.Binary, StageProving
	m.Rollout.Release = m.Rollout.Tried.Release
	m.switchTo(ev.Config)
}

// clock limits the wait for evidence. It begins when the process has the
// configuration: how long the old one takes to drain is not the new one's fault.
func (m *machine) clock() {
	if m.Agent.Phase != PhaseRunning || m.Agent.Config != m.Rollout.Config || m.Agent.Release != m.Rollout.Release || m.Agent.Restart ||
		m.Rollout.Clocked == m.Agent.Run {
		return
	}
	m.Rollout.Clock++
	m.Rollout.Clocked = m.Agent.Run
	timeout := m.Settings.ApplyTimeout
	if m.Agent.Adopted && !m.Agent.Connected {
		timeout = adoptTimeout
	}
	m.emit(SetTimer{Timer: TimerApply, ID: m.Rollout.Clock, After: timeout})
}

// switchTo makes a configuration the one that the process shall run.
func (m *machine) switchTo(config string) {
	if m.Rollout.Banned == config {
		m.Rollout.Banned = ""
	}
	if config == m.Rollout.Active {
		return
	}
	if m.Rollout.Probation == m.Rollout.Tried.Target.Offer {
		m.Rollout.ProbationProof = config // the same offer, rendered anew
	} else {
		m.leaveProbation()
	}
	m.Rollout.Active = config
	m.Agent.Backoff = false
}

func (m *machine) refused(ev Refused) {
	if ev.Attempt != m.Rollout.Attempt || m.Rollout.Stage != StagePreparing {
		return
	}
	m.Rollout.Stage = StageIdle
	m.Rollout.Binary, m.Rollout.Policy = cmp.Or(ev.Binary, m.Rollout.Binary), cmp.Or(ev.Policy, m.Rollout.Policy)
	if m.Rollout.Tried != m.wish() {
		return
	}
	if m.releaseRefuses(ev) {
		return
	}
	m.Rollout.Problem = ev.Reason
	idle := m.Rollout.Active == "" || m.Rollout.Active == m.Rollout.Banned // nothing that could just run on
	applied := m.Status.Code == StatusApplied
	switch {
	case ev.Kind == KindContent && m.Rollout.Tried.Signals != Signals{} && (idle || m.isOffered() && m.inFlight()):
		m.Rollout.Plain = true // before anything else is blamed
	case m.isOffered() && (m.inFlight() || applied && idle && ev.Kind == KindContent):
		m.judge(m.Offered, "", ev.Kind, ev.Reason, "")
		m.failed(ev.Reason)
		if ev.Kind == KindBinary && idle {
			m.wait() // no other configuration would fare better, and this one is wanted when the binary is back
		} else {
			m.sink(ev.Kind, idle)
		}
	case ev.Kind == KindWorld && idle && m.Rollout.Stumbles >= maxStumbles:
		if m.isOffered() {
			m.judge(m.Offered, "", ev.Kind, ev.Reason, "")
			m.failed(ev.Reason)
		}
		m.sink(ev.Kind, idle)
	case ev.Kind != KindContent:
		m.wait()
	case idle:
		m.sink(ev.Kind, idle)
	}
}

// sink goes on with the next best thing, which may be the one that was just
// refused, offered again. When not even the last of them can be prepared, it is
// the binary's fault: all are tried again after a while.
func (m *machine) sink(kind Kind, idle bool) {
	m.Rollout.Level, m.Rollout.Plain = m.Rollout.At+1, false
	same := idle && m.wish() == m.Rollout.Tried
	switch {
	case m.Rollout.At == LevelNoop:
		m.Rollout.Level = LevelLast
		m.wait()
	case same && kind != KindContent:
		m.wait()
	case same:
		_, level := m.target()
		m.Rollout.Level = level + 1
	}
}

// wait pauses attempts while the binary cannot be run or the disk cannot be written.
func (m *machine) wait() {
	delay := m.Settings.RestartDelay
	for range min(m.Rollout.Stumbles, 16) {
		delay = min(2*delay, m.Settings.RestartMax)
	}
	m.Rollout.Waiting = true
	m.Rollout.Stumbles++
	m.emit(SetTimer{Timer: TimerPrepare, ID: m.Rollout.Attempt, After: delay, Jitter: true})
}

func (m *machine) prepareAgain(attempt uint64) {
	if m.Rollout.Waiting && attempt == m.Rollout.Attempt {
		m.Rollout.Waiting, m.Rollout.Tried = false, Wish{}
	}
}

// prove ends the attempt when the running Collector has said itself that it is
// healthy on exactly this configuration; nothing less is evidence.
func (m *machine) prove() {
	if m.Rollout.Tried.Target.Kind == TargetNone {
		if m.Agent.Phase != PhaseDown {
			return
		}
	} else if !m.healthyOn(m.Rollout.Config) || m.Agent.Restart || m.Agent.Release != m.Rollout.Release {
		return
	}
	m.Rollout.Stage, m.Rollout.Last = StageIdle, m.Rollout.Tried.Target
	defer m.releaseProven() // after the verdict on the configuration, which may end the hold
	inForce := m.Offered.Known() && m.Rollout.Tried.Target.Offer == m.Offered
	if !m.Rollout.Plain && (inForce || m.Status.Code != StatusFailed) {
		m.Rollout.Problem = ""
	}
	if !inForce {
		return
	}
	m.Applied = m.Offered
	if m.Status.Code != StatusApplied { // a failed one may get there after all: roll back is off, or the disk was full
		m.report(StatusApplied, "")
	}
	m.startProbation()
}

// applyDeadline ends the wait for evidence.
func (m *machine) applyDeadline(clock uint64) {
	if clock != m.Rollout.Clock || m.Rollout.Clocked != m.Agent.Run ||
		m.Rollout.Stage != StageProving || m.Agent.Phase != PhaseRunning {
		return
	}
	m.Agent.Gap = 0
	if m.Agent.Adopted && !m.Agent.Connected {
		m.Agent.Restart = true // it never found us again
		return
	}
	if m.Packages.Trial.Stage == TrialProving && m.failRelease(fmt.Sprintf("was not healthy within %s (%s)", m.Settings.ApplyTimeout, m.ailment()), "") {
		return
	}
	failed := m.failTrial(fmt.Sprintf("the Collector was not healthy with this configuration within %s (%s)",
		m.Settings.ApplyTimeout, m.ailment()), "")
	m.Rollout.Overdue = !failed
	if !failed && m.Agent.Reloaded {
		m.Agent.Restart = true // SIGHUP did not get it there
	}
}

// ailment says in words what is missing for evidence.
func (m *machine) ailment() string {
	switch {
	case !m.Agent.Connected:
		return "its opamp extension did not connect"
	case m.Agent.Marker != m.Rollout.Config:
		return "it still reports another configuration"
	case m.Link.Seen.LastError != "":
		return "it says: " + m.Link.Seen.LastError
	default:
		return "it reports itself as not healthy"
	}
}
