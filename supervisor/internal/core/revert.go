package core

import "fmt"

// failRelease blames the release on trial for what happened, unless a newer
// configuration is the likelier cause, and says whether it did.
func (m *machine) failRelease(what, evidence string) bool {
	t := m.Packages.Trial
	switch {
	case m.Agent.Release != t.To.ID:
		return false // the release before runs still
	case t.Stage == TrialProving:
	case t.Stage == TrialWatching && !m.newerConfig():
	default:
		return false
	}
	m.Upgrade.Hasty = m.Agent.Run
	m.goBack(fmt.Sprintf("%s %s", nameOf(t.To), what), evidence)
	return true
}

// releaseRefuses blames the release that proves itself for refusing a configuration
// that runs, and waits when it is the world that gets in the way.
func (m *machine) releaseRefuses(ev Refused) bool {
	t := m.Packages.Trial
	if t.Stage != TrialProving || m.Rollout.Tried.Release != t.To.ID {
		return false
	}
	if ev.Kind == KindWorld && m.Rollout.Stumbles < maxStumbles {
		m.wait()
		return true
	}
	reason := fmt.Sprintf("%s cannot be started: %s", nameOf(t.To), ev.Reason)
	if ev.Kind == KindWorld {
		m.goBackUnjudged(reason)
	} else {
		m.goBack(reason, "")
	}
	return true
}

// newerConfig reports whether a configuration that came after the release is on trial, or
// has failed and runs on all the same.
func (m *machine) newerConfig() bool {
	failed := m.isOffered() && m.Status.Code == StatusFailed && m.Rollout.Attempt > m.Upgrade.Since // and stays: roll back is off
	return failed || m.onTrial().Known() && (m.Rollout.Stage == StageProving || m.Rollout.ProbationID > m.Upgrade.Since)
}

// goBack ends a trial with a verdict: the release before takes over again, and the one
// that was tried is refused from then on.
func (m *machine) goBack(reason, evidence string) {
	if t := m.Packages.Trial; t.From.ID != t.To.ID {
		m.recordPackage(t.To, KindContent, reason, evidence)
	}
	m.retreat(reason, evidence)
}

// goBackUnjudged ends a trial that the world got in the way of. A full disk must not
// condemn a release for ever: it is tried again after a while.
func (m *machine) goBackUnjudged(reason string) {
	offered := m.Packages.Offer.Content == m.Packages.Trial.To.ID
	m.retreat(reason, "")
	if offered {
		m.packageFailed(KindWorld, m.Packages.Message)
	}
}

func (m *machine) retreat(reason, evidence string) {
	t := &m.Packages.Trial
	if m.Packages.Offer.Content == t.To.ID {
		m.abandon()
		m.Packages.Code, m.Packages.Passing = PackageFailed, false
		m.Packages.Message = withTail(fmt.Sprintf("%s; %s runs again", reason, nameOf(t.From)), evidence)
	}
	if t.From.ID == t.To.ID { // it was returned to in the middle of another's trial, and nothing better is left
		*t = Trial{}
		m.unhold()
		return
	}
	if t.Spare.ID == t.To.ID {
		t.Spare = Release{} // it was kept to go back to, and is nothing to go back to any more
	}
	t.Stage, m.Upgrade.Returned = TrialReverting, false
	m.choose(t.From, t.Spare)
	m.unhold()
}

// rollbackRequested goes back by hand: from what is being tried to what ran before, or
// from what runs to what the link of the previous release says. It sticks: the release
// that was left is refused from then on.
func (m *machine) rollbackRequested() {
	t := &m.Packages.Trial
	const reason = "was taken back by an operator on this host"
	switch {
	case m.Closing || m.Boot == BootNone || t.Stage == TrialReverting:
	case t.Stage == TrialSwitching:
		m.Upgrade.Recall = true
	case t.Stage != TrialNone:
		m.goBack(fmt.Sprintf("%s %s", nameOf(t.To), reason), "")
	case m.Upgrade.Current.ID != "":
		*t = Trial{From: m.Upgrade.Previous, To: m.Upgrade.Current}
		if t.From.ID == t.To.ID {
			t.From = Release{}
		}
		m.goBack(fmt.Sprintf("%s %s", nameOf(t.To), reason), "")
	}
}

// startFailed folds in that there is no process. A release that was trusted and is damaged
// now cannot be started ever again: the one before it takes over, and what the server
// offered is fetched anew.
func (m *machine) startFailed(ev StartFailed) {
	t, current := &m.Packages.Trial, m.Upgrade.Current
	starting := ev.Run == m.Agent.Run && m.Agent.Phase == PhaseStarting
	if ev.Damaged && starting && !m.Closing && t.Stage == TrialNone && m.Agent.Release == current.ID {
		*t = Trial{Stage: TrialReverting, From: m.Upgrade.Previous, To: current}
		if t.From.ID == current.ID {
			t.From = Release{}
		}
		if m.Packages.Offer.Content == current.ID {
			m.packageFailed(KindWorld, fmt.Sprintf("%s %s; %s runs again", nameOf(current), ev.Reason, nameOf(t.From)))
		}
		m.choose(t.From, t.Spare)
	}
	m.gone(Exited{Run: ev.Run, At: ev.At, Reason: ev.Reason})
}

// resumeTrial takes up an upgrade where the last life left it. What the links say is
// what was done.
func (m *machine) resumeTrial() {
	p, t := &m.Packages, &m.Packages.Trial
	switch {
	case p.Code != PackageInstalled:
	case p.Offer.Content == m.Upgrade.Current.ID:
		m.Upgrade.Current.Hash = p.Offer.Hash // the same content may have been offered under another name since
	default:
		p.Code = PackagePending // it was damaged, and another took its place
	}
	if p.Code == PackageDownloading || p.Code == PackageInstalling || p.Code == PackageFailed && p.Passing {
		p.Code = PackagePending // the timer of the last life is gone with it, and nobody offers this again
	}
	switch t.Stage {
	case TrialNone:
		return
	case TrialReverting:
		m.choose(t.From, t.Spare)
		return
	case TrialSwitching, TrialProving, TrialWatching:
	}
	if p.Offer.Content == t.To.ID {
		p.Code = PackageInstalling
	}
	t.Tries++
	m.Upgrade.Hold = m.wish()
	if t.Tries >= maxTries {
		m.goBack(fmt.Sprintf("opampd ended %d times while %s was tried", t.Tries, nameOf(t.To)), "")
		return
	}
	if m.Upgrade.Current.ID == t.To.ID {
		t.Stage = TrialProving
		return
	}
	t.Stage = TrialSwitching
	m.choose(t.To, t.From)
}

// forgiveTrial takes a try back when the daemon ends as it was asked to.
func (m *machine) forgiveTrial() { m.Packages.Trial.Tries = max(0, m.Packages.Trial.Tries-1) }

// killSlow ends a release that failed and does not end by itself.
func (m *machine) killSlow(run RunID) {
	if run == m.Agent.Run && m.Agent.Phase == PhaseStopping {
		m.emit(Kill{Run: run})
	}
}

// nameOf is what people call a release.
func nameOf(r Release) string {
	switch {
	case r.Version != "":
		return "release " + r.Version
	case r.ID == "":
		return "the factory's release"
	}
	return "release " + r.ID[:min(len(r.ID), 12)]
}
