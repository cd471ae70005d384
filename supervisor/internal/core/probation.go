package core

// startProbation watches an applied offer until it has lasted.
func (m *machine) startProbation() {
	if p := m.Rollout.Probation; p.Known() && p != m.Offered {
		m.dropProbation() // the same configuration under another hash
	}
	if m.Offered == m.Rollout.Good || m.Offered.Empty {
		return
	}
	m.Rollout.Probation, m.Rollout.ProbationProof = m.Offered, m.Rollout.Config
	m.continueProbation(m.Rollout.Attempt)
}

func (m *machine) continueProbation(attempt uint64) {
	m.Rollout.ProbationID = attempt
	m.emit(SetTimer{Timer: TimerProbation, ID: attempt, After: m.Settings.Probation})
}

// probationEnded makes a configuration a known good one if it works at the end of
// its probation; one that does not, stays on it.
func (m *machine) probationEnded(attempt uint64) {
	switch {
	case !m.Rollout.Probation.Known() || attempt != m.Rollout.ProbationID:
	case m.healthyOn(m.Rollout.ProbationProof):
		m.passProbation()
	default:
		m.continueProbation(attempt)
	}
}

// leaveProbation ends the probation for another configuration that takes over.
// What works until then had its time and is good.
func (m *machine) leaveProbation() {
	switch {
	case !m.Rollout.Probation.Known():
	case m.healthyOn(m.Rollout.ProbationProof):
		m.passProbation()
	default:
		m.dropProbation()
	}
}

func (m *machine) passProbation() {
	if m.Rollout.Good != m.Rollout.Probation {
		m.Rollout.Good, m.Rollout.Spare = m.Rollout.Probation, m.Rollout.Good
	}
	m.emit(Record{Verdict{
		Offer: m.Rollout.Probation, Good: true, Config: m.Rollout.ProbationProof,
		Binary: m.Rollout.Binary, Policy: m.Rollout.Policy,
	}})
	m.Rollout.Probation = Offer{}
}

func (m *machine) dropProbation() {
	p := m.Rollout.Probation
	m.Rollout.Probation = Offer{}
	m.judge(p, m.Rollout.ProbationProof, KindSuperseded,
		"superseded: a newer configuration took over before this one had lasted", "")
}
