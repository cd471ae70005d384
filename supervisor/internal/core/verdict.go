package core

import "fmt"

// maxTries is how often the daemon may end while it switches to a configuration
// before it takes the configuration for the cause (an OOM kill of a whole
// container leaves no other trace).
const maxTries = 3

// judgeInterrupted takes up the offered configuration where the last life left it.
func (m *machine) judgeInterrupted() {
	switch {
	case !m.Settings.AcceptsConfig || !m.Offered.Known():
		return
	case m.Status.Code == StatusFailed && m.Offered == m.Rollout.Good:
		// The ledger still vouches for it: it failed for a full disk or the like, and
		// deserves a try with all the safety of a new offer.
		m.Status = Status{Hash: m.Offered.Hash}
	case m.Status.Code == StatusApplying && m.Tries >= maxTries:
		reason := fmt.Sprintf("opampd ended %d times while it switched to this configuration", m.Tries)
		m.forget(m.Offered)
		m.judge(m.Offered, "", KindWorld, reason, "")
		m.report(StatusFailed, reason)
	}
	if m.Applied.Known() && m.Applied != m.Offered {
		m.Rollout.Last = targetOf(m.Applied)
	}
	if m.Status.Code == StatusFailed {
		m.Rollout.Problem = m.Status.Message
		m.cool()
		if m.Settings.Rollback {
			m.Rollout.Level = LevelLast
		}
	}
}

// forgiveTry takes a try back when the daemon ends as it was asked to: that is no
// sign that the configuration ended it.
func (m *machine) forgiveTry() {
	if m.Tries > 0 && m.Rollout.Stage == StageProving && m.isOffered() {
		m.Tries--
	}
}

// onTrial returns the offer that still has to show that it works and that the
// process runs now: one that is not proven yet, or was proven a moment ago only.
func (m *machine) onTrial() Offer {
	switch {
	case m.Closing:
	case m.Rollout.Stage == StageProving && m.isOffered() && (m.Status.Code == StatusApplying ||
		m.Status.Code == StatusApplied && m.Offered != m.Rollout.Good): // applied in an earlier life, and not lasted there
		if m.Agent.Config == m.Rollout.Config && !m.Offered.Empty {
			return m.Offered
		}
	case m.Agent.Config == m.Rollout.ProbationProof:
		return m.Rollout.Probation
	}
	return Offer{}
}

// failTrial fails the configuration on trial for something that happened while
// it ran, and says whether another one takes its place. With roll back switched
// off it stays; and while a newer one is being prepared it fills the gap.
func (m *machine) failTrial(reason, evidence string) bool {
	o := m.onTrial()
	if !o.Known() {
		return false
	}
	m.forget(o)
	m.judge(o, m.Rollout.Active, KindWorld, reason, evidence)
	if o == m.Offered && m.Status.Code != StatusUnset { // else it was offered anew, and that attempt decides
		m.failed(withTail(reason, evidence))
	}
	if !m.Settings.Rollback || m.Rollout.Tried.Target.Offer != o {
		return false
	}
	if m.Rollout.Stage == StageProving {
		m.Rollout.Stage = StageIdle
	}
	m.Rollout.Banned = m.Rollout.Active
	m.Rollout.Level, m.Rollout.Plain = m.Rollout.At+1, false
	return true
}

// failed tells the server that the offered configuration failed.
func (m *machine) failed(reason string) {
	m.Rollout.Problem = reason
	m.report(StatusFailed, reason)
	m.cool()
}

// forget takes an offer that did harm out of what could be returned to.
func (m *machine) forget(o Offer) {
	if m.Rollout.Last.Offer == o {
		m.Rollout.Last = Target{}
	}
	if m.Applied == o {
		m.Applied = Offer{}
	}
	m.discredit(o)
}

// discredit takes an offer out of the known good ones and those on their way there.
func (m *machine) discredit(o Offer) {
	if m.Rollout.Probation == o {
		m.Rollout.Probation = Offer{}
	}
	if m.Rollout.Spare == o {
		m.Rollout.Spare = Offer{}
	}
	if m.Rollout.Good == o {
		m.Rollout.Good, m.Rollout.Spare = m.Rollout.Spare, Offer{}
	}
}

// exchange takes the other known good configuration when the one that was returned to
// goes on crashing. None is forgotten: the cause may be in the world.
func (m *machine) exchange() {
	o := m.Rollout.Tried.Target.Offer
	switch {
	case m.Rollout.Stage == StagePreparing || !m.Settings.Rollback || !o.Known():
		return
	case m.Rollout.Good.Known() && m.Rollout.Good != o:
	case m.Rollout.Spare.Known() && m.Rollout.Spare != o:
		m.Rollout.Good, m.Rollout.Spare = m.Rollout.Spare, m.Rollout.Good
	default:
		return
	}
	m.Rollout.Last, m.Rollout.Level, m.Agent.Crashes = Target{}, LevelGood, 0
	if m.Rollout.Stage == StageProving {
		m.Rollout.Stage = StageIdle
	}
}

// judge records a bad verdict. What is in good standing keeps it when the offer of
// it came to nothing for a reason that is not its own: a full disk, a missing
// binary, a newer offer.
func (m *machine) judge(o Offer, config string, kind Kind, reason, evidence string) {
	if o == m.Rollout.Good || o == m.Rollout.Spare || o == m.Rollout.Probation {
		if kind != KindContent {
			return
		}
		m.discredit(o)
	}
	m.emit(Record{Verdict{
		Offer: o, Kind: kind, Reason: reason, Evidence: evidence,
		Config: config, Binary: m.Rollout.Binary, Policy: m.Rollout.Policy,
	}})
}

func (m *machine) report(code StatusCode, message string) {
	m.Status = Status{Hash: m.Offered.Hash, Code: code, Message: message}
	m.Rollout.Declined = Status{}
	if code != StatusApplying {
		m.Tries = 0
	}
	if m.Link.Joined { // Connect brings it otherwise
		m.emit(ReportStatus{m.Status})
	}
}
