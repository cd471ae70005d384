package core

import (
	"fmt"
	"time"
)

// Report is all that the server shall know, apart from the status of the remote
// configuration. It is published whenever it differs from what was published.
type Report struct {
	UID           string
	Name, Version string // of the Collector's binary, for as long as the Collector has not said more
	Description   string
	Health        Health
	Effective     string
	Components    string
	Custom        string
	Storage       string // why state cannot be saved
	Problem       string // why what runs is not what was offered
	Package       PackageReport
}

// PackageReport is what the server is told of packages: what was offered and how far it
// is, and what the agent has.
type PackageReport struct {
	All     string
	Offer   PackageOffer
	Code    PackageCode
	Message string // why it failed
	Has     Release
	Percent int
	Rate    int64
	Phase   string // in words, what an installation waits for
}

// Health is the state of the whole agent (S-078 to S-080).
type Health struct {
	Healthy           bool
	StartedAt         Time // zero while nothing runs
	Status, LastError string
	Tree              string
}

// gapUntold is how long a gap that we make ourselves is not told: many times what a
// Collector takes to change its configuration, and too short to hide one that does not.
const gapUntold = 2 * time.Second

// statusStarting is the Collector's own word for a component on its way up.
const statusStarting = "StatusStarting"

// planReport publishes what changed.
func (m *machine) planReport() {
	report := Report{
		UID: m.UID, Name: m.Rollout.Name, Version: m.Rollout.Version,
		Description: m.Link.Seen.Description, Health: m.healthReport(),
		Effective: m.Link.Seen.Effective, Components: m.Link.Seen.Components,
		Custom: m.Link.Seen.CustomCapabilities, Storage: m.Storage, Problem: m.Rollout.Problem,
		Package: m.packageReport(),
	}
	if !m.Link.Joined || m.Link.Leaving || report == m.Link.Told {
		return
	}
	m.Link.Told = report
	m.emit(Publish{report})
}

func (m *machine) healthReport() Health {
	switch {
	case m.Closing:
		return Health{StartedAt: m.Agent.StartedAt, Status: "StatusStopping", LastError: "the supervisor is shutting down"}
	case m.Agent.Phase == PhaseDown && m.Rollout.Tried.Target.Kind == TargetNone && m.isOffered() && m.Rollout.Stage == StageIdle:
		return Health{Healthy: true, Status: "StatusStopped"} // as the server asked
	case m.Agent.Gap != 0 && m.Agent.Cause == "":
		return m.Link.Told.Health
	case m.Agent.Phase == PhaseRunning && m.Agent.Marker == m.Agent.Config && m.heardOfHealth():
		return m.agentHealth()
	}
	h := Health{StartedAt: m.Agent.StartedAt, Status: statusStarting, LastError: m.Agent.Cause}
	if m.Agent.Crashes >= crashLoop {
		h.Status = "StatusCrashLoop"
		h.LastError = fmt.Sprintf("crash loop: %d crashes in a row; %s", m.Agent.Crashes, m.Agent.Cause)
	}
	if h.LastError == "" {
		h.LastError = m.whyDown()
	}
	return h
}

// bridge is called when the process is about to leave its configuration. If it is well
// there and leaves for another one, the gap is no ill health: the server goes on to see
// the last health until there is something to say, so that nobody is woken by a change
// that was ordered. The end of a process that nobody asked for, which sets Cause, is
// told at once.
func (m *machine) bridge() {
	same := m.Rollout.Active == m.Agent.Config && m.Rollout.Release == m.Agent.Release
	if same || !m.healthyOn(m.Agent.Config) {
		return
	}
	m.Agent.Gap = m.Rollout.Attempt
	m.emit(SetTimer{Timer: TimerGap, ID: m.Agent.Gap, After: gapUntold})
}

func (m *machine) gapEnded(attempt uint64) {
	if attempt == m.Agent.Gap {
		m.Agent.Gap = 0
	}
}

// heardOfHealth reports whether the session said anything of health yet.
func (m *machine) heardOfHealth() bool {
	return m.Agent.Connected && (m.Agent.Healthy || m.Link.Seen.Status != "" || m.Link.Seen.LastError != "")
}

func (m *machine) agentHealth() Health {
	h := Health{
		Healthy: m.Agent.Healthy, StartedAt: m.Agent.StartedAt,
		Status: m.Link.Seen.Status, LastError: m.Link.Seen.LastError, Tree: m.Link.Seen.Tree,
	}
	if !h.Healthy && h.LastError == "" {
		h.LastError = "the Collector does not report itself as healthy"
	}
	return h
}

func (m *machine) whyDown() string {
	switch {
	case m.Agent.Phase == PhaseDown && m.Rollout.Problem != "":
		return m.Rollout.Problem
	case m.Agent.Phase == PhaseDown:
		return "the Collector is not running yet"
	case m.Agent.Phase == PhaseStopping:
		return "the Collector is being stopped"
	case m.Agent.Phase == PhaseReloading:
		return "the Collector is being reloaded"
	case m.Agent.Ready && !m.Agent.Connected && (m.Agent.Adopted || m.Rollout.Stage != StageProving):
		return "the opamp extension of the Collector is not connected"
	default:
		return "the Collector is starting"
	}
}

func (m *machine) packageReport() PackageReport {
	p := m.Packages
	if !m.Settings.AcceptsPackages && p == (Packages{}) {
		return PackageReport{}
	}
	return PackageReport{
		All: p.All, Offer: p.Offer, Code: p.Code, Message: p.Message, Has: m.has(),
		Percent: m.Upgrade.Percent, Rate: m.Upgrade.Rate, Phase: m.upgradePhase(),
	}
}

// has is the release that the agent has, which is the one that runs or ran before one
// that still has to show that it works.
func (m *machine) has() Release {
	switch t := m.Packages.Trial; t.Stage {
	case TrialSwitching, TrialProving, TrialReverting:
		return t.From
	case TrialNone, TrialWatching:
	}
	return m.Upgrade.Current
}

func (m *machine) upgradePhase() string {
	t := m.Packages.Trial
	switch {
	case m.Packages.Code == PackagePending && m.Storage != "":
		return "the package waits until state can be saved"
	case t.Stage == TrialReverting:
		return fmt.Sprintf("going back from %s to %s", nameOf(t.To), nameOf(t.From))
	case t.Stage == TrialWatching:
		return fmt.Sprintf("%s is watched until it has run for %s", nameOf(t.To), m.Settings.Watch)
	case t.Stage != TrialNone:
		return fmt.Sprintf("%s has to show that it works", nameOf(t.To))
	case m.Upgrade.Stage == FetchRehearsing:
		return fmt.Sprintf("%s is rehearsed", nameOf(m.Upgrade.Ready))
	case m.Upgrade.Stage == FetchReady && m.Rollout.Stage == StageIdle:
		return fmt.Sprintf("%s waits until there is a configuration to show that it works with", nameOf(m.Upgrade.Ready))
	case m.Upgrade.Stage == FetchReady:
		return fmt.Sprintf("%s waits for the configuration that is on its way", nameOf(m.Upgrade.Ready))
	}
	return ""
}
