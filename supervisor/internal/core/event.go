package core

import "time"

// Event is a fact that has already happened.
//
//sumtype:decl
type Event interface{ isEvent() }

// Booted starts the machine; every other event comes after it.
type Booted struct{ At Time }

// The outcome of Find: a Collector that survived an earlier life of the daemon
// and may be kept, or none (an alien or unfit one has been stopped by then).
type (
	// Adopted reports a live Collector with the configuration that it runs.
	Adopted struct {
		Run           RunID
		PID           int
		At            Time
		Config        string
		Binary, Token string
		Release       string
	}
	// NothingFound reports that no Collector of ours is alive.
	NothingFound struct{ Run RunID }
)

// The life of the Collector process. Events of another run than the current one
// are dropped: they come from a process that is no longer ours.
type (
	// Expecting reports that the local link will let in the holder of Token.
	Expecting struct {
		Run   RunID
		Token string
	}
	// Started reports that the process of a run exists.
	Started struct {
		Run RunID
		PID int
		At  Time
	}
	// StartFailed reports that the process of a run could not be made. Damaged says that
	// the installed release is not any more what was installed.
	StartFailed struct {
		Run     RunID
		At      Time
		Reason  string
		Damaged bool
	}
	// Reloaded reports that the process was told to read its new configuration.
	Reloaded struct{ Run RunID }
	// ReloadFailed reports that the process could not be told, and runs on unchanged.
	ReloadFailed struct {
		Run    RunID
		Reason string
	}
	// Exited reports that the process of a run is gone. Tail holds the last lines
	// that it printed, Code what it ended with, -1 for a signal.
	Exited struct {
		Run          RunID
		At           Time
		Code         int
		Reason, Tail string
	}
)

// What the Collector's opamp extension says over the local link. Body fields hold
// encoded protobufs or YAML that the core carries and never looks into.
type (
	// AgentDescribed opens a session: Marker names the configuration in force.
	AgentDescribed struct {
		Run                 RunID
		Marker, Description string
	}
	// AgentHealth reports the Collector's view of its health.
	AgentHealth struct {
		Run                     RunID
		At                      Time
		Healthy                 bool
		Status, LastError, Tree string
	}
	// AgentEffective reports the configuration in force, secrets taken out.
	AgentEffective struct {
		Run  RunID
		Body string
	}
	// AgentComponents reports what the Collector is built of.
	AgentComponents struct {
		Run  RunID
		Body string
	}
	// AgentCustomCapabilities reports the custom capabilities, one a line.
	AgentCustomCapabilities struct {
		Run  RunID
		List string
	}
	// AgentMessage is a custom message on its way to the server.
	AgentMessage struct {
		Run     RunID
		Message Message
	}
	// AgentDisconnected reports that the extension's session ended.
	AgentDisconnected struct{ Run RunID }
	// AgentSilent reports that nothing was heard for three heartbeats.
	AgentSilent struct{ Run RunID }
)

// The outcome of Prepare.
type (
	// Prepared reports a configuration that is merged, allowed and valid.
	Prepared struct {
		Attempt               uint64
		Config                string
		Binary, Name, Version string
		Policy                string
	}
	// Refused reports why a configuration will not be run. Nothing was touched.
	Refused struct {
		Attempt        uint64
		Kind           Kind
		Reason         string
		Binary, Policy string
	}
)

// What the server says.
type (
	// ServerGreeted reports that the server answered; what it offered in the same
	// breath was posted before.
	ServerGreeted struct{}
	// ServerLost reports that the server cannot be reached.
	ServerLost struct{ Reason string }
	// ConfigOffered reports a remote configuration that is stored under Offer.Body,
	// or the problem that kept it from being stored.
	ConfigOffered struct {
		Offer   Offer
		Problem string
	}
	// TelemetryOffered reports destinations for the Collector's own telemetry; an
	// empty signal is unchanged (S-131).
	TelemetryOffered struct{ Signals Signals }
	// HeartbeatOffered reports the interval that the server wants to hear from us in
	// (S-022, S-149).
	HeartbeatOffered struct{ Beat time.Duration }
	// PackagesOffered reports the package that the server offers, or an operator of this
	// host asks for. All is the server's name for its offer as a whole. Unkept says that it
	// could not be stored: it is not acknowledged, so that the server offers it again.
	PackagesOffered struct {
		All    string
		Offer  PackageOffer
		Unkept bool
	}
	// RestartRequested reports the server's restart command.
	RestartRequested struct{}
	// Renamed reports a new instance uid given by the server (S-044).
	Renamed struct{ UID string }
	// ServerMessage is a custom message on its way to the Collector.
	ServerMessage struct{ Message Message }
	// ServerCustomCapabilities reports the server's custom capabilities, one a line.
	ServerCustomCapabilities struct{ List string }
	// LinkClosed reports that the server was told goodbye, or could not be.
	LinkClosed struct{}
)

// The way of a release to the disk, to the selection, and back.
type (
	// Fetching reports how far a download is, in percent and bytes per second.
	Fetching struct {
		Attempt uint64
		Percent int
		Rate    int64
	}
	// Fetched reports a release that was verified and lies ready.
	Fetched struct {
		Attempt uint64
		Release Release
	}
	// FetchFailed reports why there is none.
	FetchFailed struct {
		Attempt uint64
		Kind    Kind
		Reason  string
	}
	// Rehearsed reports that the release can run what it was asked about.
	Rehearsed struct {
		Attempt uint64
		Version string
	}
	// Unfit reports why it cannot.
	Unfit struct {
		Attempt uint64
		Kind    Kind
		Reason  string
	}
	// Selected reports that the links name this release.
	Selected struct{ Release string }
	// SelectFailed reports that they do not; Refused says that the release is damaged or
	// revoked, so that trying again is of no use.
	SelectFailed struct {
		Release, Reason string
		Refused         bool
	}
	// RollbackRequested reports that an operator wants the release before back.
	RollbackRequested struct{}
)

// The world around.
type (
	// TimerFired reports that the time set with SetTimer has passed.
	TimerFired struct {
		Timer Timer
		ID    uint64
	}
	// StoreChanged reports whether state can be saved; an empty Problem means yes.
	StoreChanged struct{ Problem string }
	// ShutdownRequested reports SIGTERM or SIGINT; Force reports the second one.
	ShutdownRequested struct{ Force bool }
	// ReloadRequested reports that supervisor.yaml is to be read again: the daemon
	// lets go of the Collector and starts over, adopting it.
	ReloadRequested struct{}
)

func (Booted) isEvent()                   {}
func (Adopted) isEvent()                  {}
func (NothingFound) isEvent()             {}
func (Expecting) isEvent()                {}
func (Started) isEvent()                  {}
func (StartFailed) isEvent()              {}
func (Reloaded) isEvent()                 {}
func (ReloadFailed) isEvent()             {}
func (Exited) isEvent()                   {}
func (AgentDescribed) isEvent()           {}
func (AgentHealth) isEvent()              {}
func (AgentEffective) isEvent()           {}
func (AgentComponents) isEvent()          {}
func (AgentCustomCapabilities) isEvent()  {}
func (AgentMessage) isEvent()             {}
func (AgentDisconnected) isEvent()        {}
func (AgentSilent) isEvent()              {}
func (Prepared) isEvent()                 {}
func (Refused) isEvent()                  {}
func (ServerGreeted) isEvent()            {}
func (ServerLost) isEvent()               {}
func (ConfigOffered) isEvent()            {}
func (TelemetryOffered) isEvent()         {}
func (HeartbeatOffered) isEvent()         {}
func (PackagesOffered) isEvent()          {}
func (Fetching) isEvent()                 {}
func (Fetched) isEvent()                  {}
func (FetchFailed) isEvent()              {}
func (Rehearsed) isEvent()                {}
func (Unfit) isEvent()                    {}
func (Selected) isEvent()                 {}
func (SelectFailed) isEvent()             {}
func (RollbackRequested) isEvent()        {}
func (RestartRequested) isEvent()         {}
func (Renamed) isEvent()                  {}
func (ServerMessage) isEvent()            {}
func (ServerCustomCapabilities) isEvent() {}
func (LinkClosed) isEvent()               {}
func (TimerFired) isEvent()               {}
func (StoreChanged) isEvent()             {}
func (ShutdownRequested) isEvent()        {}
func (ReloadRequested) isEvent()          {}
