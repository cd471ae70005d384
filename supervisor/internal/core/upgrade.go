package core

import "time"

const (
	// packageDelay is the first pause before a package is tried again; it doubles up to
	// retryMax.
	packageDelay = time.Minute
	// selectDelay is how long the disk gets before the links are moved again.
	selectDelay = 30 * time.Second
)

// packagesOffered takes the newest offer. It overtakes one that is still on its way to
// the disk; a release that is being tried stays under watch until the next is ready.
func (m *machine) packagesOffered(ev PackagesOffered) {
	if m.Closing || !m.Settings.AcceptsPackages && !ev.Offer.Manual {
		return
	}
	p := &m.Packages
	if !ev.Offer.Manual && !ev.Unkept {
		p.All = ev.All
	}
	if ev.Offer == p.Offer {
		m.packagesOfferedAgain()
		return
	}
	m.abandon()
	p.Offer, p.Code, p.Message, p.Passing = ev.Offer, PackagePending, "", false
	m.Upgrade.Cool = Cool{ID: m.Upgrade.Cool.ID}
	if ev.Offer.Content == "" {
		p.Code = PackageNone
	}
}

// hasIt reports whether the offered release runs, or is being tried, already.
func (m *machine) hasIt() bool {
	p := &m.Packages
	switch {
	case m.onTrialRelease() && p.Offer.Content == p.Trial.To.ID:
		p.Code, p.Trial.To.Hash = PackageInstalling, p.Offer.Hash
	case p.Trial.Stage == TrialNone && p.Offer.Content == m.Upgrade.Current.ID:
		p.Code, p.Message, m.Upgrade.Current.Hash = PackageInstalled, "", p.Offer.Hash
	default:
		return false
	}
	return true
}

// packagesOfferedAgain tries a failed package again, but not before its pause is over.
func (m *machine) packagesOfferedAgain() {
	switch {
	case m.Packages.Code != PackageFailed:
	case m.Upgrade.Cool.On:
		m.Upgrade.Cool.Again = true
	default:
		m.Packages.Code = PackagePending
	}
}

// abandon gives up what is on its way to the disk. What was downloaded stays, and is
// gone on with when the same content is offered again.
func (m *machine) abandon() {
	if m.Upgrade.Stage == FetchFetching {
		m.emit(Abandon{Attempt: m.Upgrade.Attempt})
	}
	m.Upgrade.Stage, m.Upgrade.Ready = FetchIdle, Release{}
	m.Upgrade.Percent, m.Upgrade.Rate = 0, 0
}

// planUpgrade brings the offered release one step nearer to running. Nothing begins
// that could not be written down first.
func (m *machine) planUpgrade() {
	if m.Closing || m.Detaching {
		return
	}
	switch m.Upgrade.Stage {
	case FetchIdle:
		granted := m.Settings.AcceptsPackages || m.Packages.Offer.Manual
		if m.Packages.Code == PackagePending && granted && !m.hasIt() && m.Storage == "" {
			m.fetch()
		}
	case FetchReady:
		if m.hasIt() {
			m.abandon()
		}
		m.planTrial()
	case FetchFetching, FetchRehearsing:
	}
	m.planWatch()
}

func (m *machine) fetch() {
	m.Upgrade.Attempt++
	m.Upgrade.Stage, m.Packages.Code, m.Packages.Message = FetchFetching, PackageDownloading, ""
	m.Packages.Passing = false
	m.prune(m.Agent.Release, false)
	m.emit(Fetch{Attempt: m.Upgrade.Attempt, Offer: m.Packages.Offer})
}

func (m *machine) fetching(ev Fetching) {
	if ev.Attempt == m.Upgrade.Attempt && m.Upgrade.Stage == FetchFetching {
		m.Upgrade.Percent, m.Upgrade.Rate = ev.Percent, ev.Rate
	}
}

func (m *machine) fetched(ev Fetched) {
	if ev.Attempt != m.Upgrade.Attempt || m.Upgrade.Stage != FetchFetching {
		return
	}
	m.Upgrade.Percent, m.Upgrade.Rate, m.Upgrade.Ready = 0, 0, ev.Release
	m.rehearse()
}

// rehearse asks the release about what runs now and what could be returned to. It is
// asked again when that has changed by the time it could take over.
func (m *machine) rehearse() {
	m.Upgrade.Attempt++
	m.Upgrade.Stage, m.Packages.Code = FetchRehearsing, PackageInstalling
	m.Upgrade.Rehearsed = m.rehearsal()
	m.emit(Rehearse{
		Attempt: m.Upgrade.Attempt, Wish: m.Upgrade.Rehearsed, Good: m.Rollout.Good, Spare: m.Rollout.Spare,
	})
}

func (m *machine) rehearsal() Wish {
	wish := m.wish()
	wish.Release = m.Upgrade.Ready.ID
	return wish
}

func (m *machine) rehearsed(ev Rehearsed) {
	if ev.Attempt != m.Upgrade.Attempt || m.Upgrade.Stage != FetchRehearsing {
		return
	}
	m.Upgrade.Stage = FetchReady
	if ev.Version != "" {
		m.Upgrade.Ready.Version = ev.Version
	}
}

// fetchFailed ends the way to the disk. What runs was not touched.
func (m *machine) fetchFailed(attempt uint64, kind Kind, reason string) {
	if attempt != m.Upgrade.Attempt || m.Upgrade.Stage != FetchFetching && m.Upgrade.Stage != FetchRehearsing {
		return
	}
	m.Upgrade.Stage, m.Upgrade.Percent, m.Upgrade.Rate = FetchIdle, 0, 0
	m.packageFailed(kind, reason)
}

// packageFailed tells that the offered package came to nothing. A failure of the world
// passes, and the server does not offer again what it was answered (S-231): it is tried
// again by itself after a growing pause.
func (m *machine) packageFailed(kind Kind, reason string) {
	p := &m.Packages
	p.Code, p.Message, p.Passing = PackageFailed, reason, kind == KindWorld
	if kind == KindContent {
		m.recordPackage(Release{ID: p.Offer.Content, Hash: p.Offer.Hash}, kind, reason, "")
		return
	}
	delay := packageDelay
	for range min(m.Upgrade.Cool.Retries, 8) {
		delay = min(2*delay, retryMax)
	}
	c := &m.Upgrade.Cool
	*c = Cool{On: true, ID: c.ID + 1, Retries: c.Retries + 1}
	m.emit(SetTimer{Timer: TimerPackage, ID: c.ID, After: delay, Jitter: true})
}

func (m *machine) packageCooled(id uint64) {
	c := &m.Upgrade.Cool
	if !c.On || id != c.ID {
		return
	}
	c.On = false
	if m.Packages.Code == PackageFailed && (c.Again || m.Packages.Passing) {
		m.Packages.Code = PackagePending
	}
	c.Again = false
}

// recordPackage writes a verdict on a release into the ledger.
func (m *machine) recordPackage(r Release, kind Kind, reason, evidence string) {
	m.emit(Record{Verdict{
		Package: true, Offer: Offer{Hash: r.Hash, Body: r.ID}, Good: kind == KindNone, Kind: kind, Reason: reason, Evidence: evidence,
	}})
}
