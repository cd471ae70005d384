package core

// Link is what is known of the two ends that talk to each other through us: the
// server, and what the Collector said for it.
type Link struct {
	Joined  bool // the link was opened
	Met     bool // the server answered once in this life
	Up      bool // the server answered, and was not lost since
	Leaving bool // goodbye is being said
	Closed  bool // goodbye was said
	Seen    Seen
	Told    Report // what was published last
}

// Seen is what the Collector said of itself, encoded; the core only carries it.
type Seen struct {
	Description             string
	Status, LastError, Tree string
	Effective, Components   string
	CustomCapabilities      string
}

func (m *machine) greeted() { m.Link.Met, m.Link.Up = true, true }

func (m *machine) lost(ServerLost) { m.Link.Up = false }

func (m *machine) telemetryOffered(ev TelemetryOffered) {
	for _, s := range []struct{ offered, kept *string }{
		{&ev.Signals.Metrics, &m.Signals.Metrics},
		{&ev.Signals.Traces, &m.Signals.Traces},
		{&ev.Signals.Logs, &m.Signals.Logs},
	} {
		if *s.offered != "" && *s.offered != *s.kept { // a signal that was left out is unchanged (S-131, W19)
			*s.kept, m.Rollout.Plain = *s.offered, false
		}
	}
}

func (m *machine) renamed(ev Renamed) {
	if ev.UID != "" {
		m.UID = ev.UID
	}
}

func (m *machine) effective(ev AgentEffective) {
	if m.talks(ev.Run) {
		m.Link.Seen.Effective = ev.Body
	}
}

func (m *machine) components(ev AgentComponents) {
	if m.talks(ev.Run) {
		m.Link.Seen.Components = ev.Body
	}
}

func (m *machine) customCapabilities(ev AgentCustomCapabilities) {
	if m.talks(ev.Run) {
		m.Link.Seen.CustomCapabilities = ev.List
	}
}

func (m *machine) fromAgent(ev AgentMessage) {
	if m.talks(ev.Run) {
		m.emit(Send{ev.Message})
	}
}

func (m *machine) fromServer(ev ServerMessage) {
	if m.Agent.Connected {
		m.emit(Forward(ev))
	}
}

func (m *machine) serverCapabilities(ev ServerCustomCapabilities) {
	m.emit(ForwardCapabilities(ev))
}
