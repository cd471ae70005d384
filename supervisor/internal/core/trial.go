package core

import (
	"fmt"
	"time"
)

const (
	// maxFlips is how often a release may fall ill while it is watched.
	maxFlips = 3
	// killGrace is how long a release that failed may take to end: what it holds is
	// worth less than the time until the one before it runs again.
	killGrace = time.Second
)

// release says which release shall run.
func (m *machine) release() string {
	switch t := m.Packages.Trial; {
	case t.Stage == TrialProving || t.Stage == TrialWatching:
		return t.To.ID
	case t.Stage == TrialReverting && m.Upgrade.Returned:
		return t.From.ID
	}
	return m.Upgrade.Current.ID
}

// held reports whether configurations wait: while a release proves itself, nothing else
// may change, or nobody could tell what was to blame.
func (m *machine) held() bool {
	s := m.Packages.Trial.Stage
	return s == TrialSwitching || s == TrialProving
}

// goingBack reports whether the release before is not selected again yet; the one that
// failed must not be started meanwhile.
func (m *machine) goingBack() bool {
	return m.Packages.Trial.Stage == TrialReverting && !m.Upgrade.Returned
}

func (m *machine) onTrialRelease() bool { return m.held() || m.Packages.Trial.Stage == TrialWatching }

// planTrial switches to the release that is ready, when no configuration is under way.
// While the server wants nothing to run, a release cannot show anything, and waits.
func (m *machine) planTrial() {
	t := &m.Packages.Trial
	idle := (t.Stage == TrialNone || t.Stage == TrialWatching) && m.wish().Target.Kind != TargetNone
	if m.Upgrade.Stage != FetchReady || !idle || !m.rolledOut() || m.Storage != "" {
		return
	}
	if m.rehearsal() != m.Upgrade.Rehearsed {
		m.rehearse()
		return
	}
	m.Upgrade.Stage, m.Upgrade.Hold = FetchIdle, m.wish()
	from, spare := m.Upgrade.Current, m.Upgrade.Previous
	if t.Stage == TrialWatching { // not trusted yet: what it replaced is what to return to
		from, spare = t.From, t.Spare
	}
	*t = Trial{Stage: TrialSwitching, From: from, To: m.Upgrade.Ready, Spare: spare}
	m.choose(t.To, t.From)
}

// prune makes room. What may be gone on with, and what is on trial, stays.
func (m *machine) prune(running string, trusted bool) {
	m.emit(Prune{Running: running, Wanted: m.Packages.Offer.Content, Trusted: trusted})
}

// choose moves the links.
func (m *machine) choose(r, previous Release) {
	m.Upgrade.Selects++
	c := Select{Release: r.ID, Previous: previous.ID}
	if m.Packages.Trial.Stage == TrialReverting {
		c.Failed = m.Packages.Trial.To.ID
	}
	m.emit(c)
}

// rolledOut reports whether nothing more is to be expected of the configuration that is
// under way, if there is one: another release may be what helps one that never works.
func (m *machine) rolledOut() bool {
	return m.Rollout.Stage == StageIdle ||
		m.Rollout.Stage == StageProving && (m.Rollout.Overdue || m.Agent.Crashes >= crashLoop)
}

func (m *machine) selected(ev Selected) {
	t := &m.Packages.Trial
	switch {
	case t.Stage == TrialSwitching && ev.Release == t.To.ID:
		m.Upgrade.Current, m.Upgrade.Previous = t.To, t.From
		t.Stage, m.Rollout.Waiting, m.Rollout.Stumbles = TrialProving, false, 0
		if m.Upgrade.Recall {
			m.Upgrade.Recall = false
			m.rollbackRequested()
		}
	case t.Stage == TrialReverting && ev.Release == t.From.ID:
		m.Upgrade.Previous = t.Spare
		m.returned()
		*t, m.Upgrade.Returned = Trial{}, false
		m.prune(m.Rollout.Release, true)
	}
}

// selectFailed leaves everything as it is on the way forward. On the way back the
// release before runs all the same; the links follow when the disk takes them.
func (m *machine) selectFailed(ev SelectFailed) {
	t := &m.Packages.Trial
	switch {
	case t.Stage == TrialSwitching && ev.Release == t.To.ID:
		m.Upgrade.Recall = false
		m.resumeWatch()
		m.unhold()
		m.packageFailed(KindWorld, ev.Reason)
	case t.Stage != TrialReverting || ev.Release != t.From.ID:
	case ev.Refused && t.From.ID != "": // damaged or revoked: the factory's is left
		m.Packages.Message += fmt.Sprintf("; %s cannot run (%s), so the factory's does", nameOf(t.From), ev.Reason)
		t.From, t.Spare = Release{}, Release{}
		m.choose(t.From, t.Spare)
	default:
		m.returned()
		m.emit(SetTimer{Timer: TimerSelect, ID: m.Upgrade.Selects, After: selectDelay})
	}
}

// resumeWatch goes on with what was being watched when the next release could not be
// selected.
func (m *machine) resumeWatch() {
	t := &m.Packages.Trial
	if t.From.ID == m.Upgrade.Current.ID {
		*t = Trial{}
		return
	}
	t.Stage, t.To = TrialWatching, m.Upgrade.Current
	m.startWatch()
}

func (m *machine) selectAgain(id uint64) {
	if t := m.Packages.Trial; t.Stage == TrialReverting && id == m.Upgrade.Selects {
		m.choose(t.From, t.Spare)
	}
}

// returned makes the release before the one that runs, at once: it ran this
// configuration until a moment ago.
func (m *machine) returned() {
	if m.Upgrade.Returned {
		return
	}
	from := m.Packages.Trial.From
	m.Upgrade.Current, m.Upgrade.Returned = from, true
	m.Rollout.Release, m.Rollout.Checker = from.ID, ""
	m.Agent.Backoff, m.Agent.Crashes = false, 0
	if m.Rollout.Stage == StageProving {
		m.Rollout.Stage, m.Rollout.Tried = StageIdle, Wish{}
	}
	m.Rollout.Waiting = false
}

// queue keeps the newest configuration until the release has proved itself. The one that
// it overtakes gets its verdict.
func (m *machine) queue(ev ConfigOffered) {
	if old := m.Upgrade.Queued.Offer; old.Known() && old != ev.Offer && old != m.Offered {
		const reason = "superseded: a newer configuration was offered before this one was looked at"
		m.judge(old, "", KindSuperseded, reason, "")
		m.emit(ReportStatus{Status{Hash: old.Hash, Code: StatusFailed, Message: reason}})
		m.Rollout.Declined = Status{Hash: old.Hash, Code: StatusFailed, Message: reason} // what the server heard last
	}
	m.Upgrade.Queued = ev
}

// unhold lets the configurations go on that waited.
func (m *machine) unhold() {
	queued := m.Upgrade.Queued
	m.Upgrade.Hold, m.Upgrade.Queued = Wish{}, ConfigOffered{}
	if queued != (ConfigOffered{}) {
		m.offered(queued)
	}
}

// releaseProven begins the watch when the new release has shown that it works.
func (m *machine) releaseProven() {
	t := &m.Packages.Trial
	if t.Stage != TrialProving || m.Rollout.Tried.Release != t.To.ID {
		return
	}
	t.Stage, m.Upgrade.Since = TrialWatching, m.Rollout.Attempt
	m.startWatch()
	m.unhold()
}

func (m *machine) startWatch() {
	w := &m.Upgrade.Watch
	*w = Watch{ID: w.ID + 1, IllID: w.IllID}
	m.emit(SetTimer{Timer: TimerWatch, ID: w.ID, After: m.Settings.Watch})
}

// planWatch counts how often, and limits how long, a release under watch is not well.
func (m *machine) planWatch() {
	if m.Packages.Trial.Stage != TrialWatching {
		return
	}
	w := &m.Upgrade.Watch
	ill := m.Rollout.Tried.Target.Kind != TargetNone && !m.healthyOn(m.Rollout.Active)
	if ill == w.Ill {
		return
	}
	w.Ill = ill
	if !ill {
		return
	}
	w.IllID++
	m.emit(SetTimer{Timer: TimerIll, ID: w.IllID, After: m.Settings.UnhealthyLimit})
	if m.Agent.Phase == PhaseRunning && m.Rollout.Stage == StageIdle && !m.Agent.Restart {
		w.Flips++
	}
	if w.Flips > maxFlips {
		m.failRelease(fmt.Sprintf("fell ill %d times while it was watched", w.Flips), "")
	}
}

// illFor ends the watch of a release that has not been well for too long, unless a
// configuration is on its way, which has a limit of its own.
func (m *machine) illFor(id uint64) {
	w := &m.Upgrade.Watch
	if m.Packages.Trial.Stage != TrialWatching || !w.Ill || id != w.IllID {
		return
	}
	if m.Rollout.Stage != StageIdle || !m.failRelease(fmt.Sprintf("was not healthy for %s (%s)", m.Settings.UnhealthyLimit, m.ailment()), "") {
		w.IllID++
		m.emit(SetTimer{Timer: TimerIll, ID: w.IllID, After: m.Settings.UnhealthyLimit})
	}
}

// watched trusts a release that is well at the end of its watch.
func (m *machine) watched(id uint64) {
	t, w := &m.Packages.Trial, &m.Upgrade.Watch
	if t.Stage != TrialWatching || id != w.ID {
		return
	}
	if w.Ill {
		m.emit(SetTimer{Timer: TimerWatch, ID: w.ID, After: m.Settings.UnhealthyLimit})
		return
	}
	m.recordPackage(t.To, KindNone, "", "")
	if m.Packages.Offer.Content == t.To.ID {
		m.Packages.Code, m.Packages.Message = PackageInstalled, ""
	}
	*t = Trial{}
	m.prune(m.Agent.Release, true)
}
