package core

import "fmt"

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
}

// Health is the state of the whole agent (S-078 to S-080).
type Health struct {
	Healthy           bool
	StartedAt         Time // zero while nothing runs
	Status, LastError string
	Tree              string
}

// statusStarting is the Collector's own word for a component on its way up.
const statusStarting = "StatusStarting"

// planReport publishes what changed.
func (m *machine) planReport() {
	report := Report{
		UID: m.UID, Name: m.Rollout.Name, Version: m.Rollout.Version,
		Description: m.Link.Seen.Description, Health: m.healthReport(),
		Effective: m.Link.Seen.Effective, Components: m.Link.Seen.Components,
		Custom: m.Link.Seen.CustomCapabilities, Storage: m.Storage, Problem: m.Rollout.Problem,
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
