package core

// target says what should run, and at which level it was found: the first thing
// from the current level down that is there.
func (m *machine) target() (Target, Level) {
	level := m.Rollout.Level
	remote := m.Settings.AcceptsConfig
	switch {
	case level <= LevelOffered && remote && m.Offered.Known():
		return targetOf(m.Offered), LevelOffered
	case level <= LevelLast && m.Rollout.Last.Kind != TargetUnset && m.Offered.Known():
		return m.Rollout.Last, LevelLast
	case level <= LevelGood && remote && m.Rollout.Good.Known():
		return Target{TargetOffer, m.Rollout.Good}, LevelGood
	case level <= LevelFallback && m.Settings.HasFallback && !m.Link.Met:
		return Target{Kind: TargetFallback}, LevelFallback
	case level <= LevelLocal:
		return Target{Kind: TargetLocal}, LevelLocal
	}
	return Target{Kind: TargetNoop}, LevelNoop
}

// targetOf is an offer as what could run.
func targetOf(o Offer) Target {
	if o.Empty {
		return Target{TargetNone, o}
	}
	return Target{TargetOffer, o}
}
