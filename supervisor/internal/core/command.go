package core

import "time"

// Command is work the core wants done.
//
//sumtype:decl
type Command interface{ isCommand() }

// Commands to the agent lane. Each ends in exactly one event, whatever happens.
type (
	// Find looks for a Collector that outlived an earlier daemon: Adopted or NothingFound.
	Find struct{ Run RunID }
	// Prepare merges, checks and validates a configuration without touching what
	// runs: Prepared or Refused.
	Prepare struct {
		Attempt uint64
		Wish    Wish
	}
	// Rehearse asks a release that does not run yet about what runs now and what could be
	// returned to, without touching it: Rehearsed or Unfit.
	Rehearse struct {
		Attempt     uint64
		Wish        Wish
		Good, Spare Offer
	}
	// Start launches the Collector on a prepared configuration: Started or
	// StartFailed, and one Exited after Started.
	Start struct {
		Run           RunID
		Config, Token string
		Release       string
	}
	// Reload swaps the configuration under the Collector and sends SIGHUP: Reloaded
	// or ReloadFailed.
	Reload struct {
		Run    RunID
		Config string
	}
	// Stop asks the Collector to end, and makes it after a while: it adds no event,
	// the Exited of the run is the answer.
	// What comes next is made ready before.
	Stop struct {
		Run  RunID
		Next string // the release
	}
	// Kill ends the Collector's process group at once.
	Kill struct{ Run RunID }
)

// Commands to the upgrade lane.
type (
	// Fetch downloads, verifies and unpacks a package: Fetched or FetchFailed, and any
	// number of Fetching before.
	Fetch struct {
		Attempt uint64
		Offer   PackageOffer
	}
	// Abandon ends a Fetch early. It adds no event.
	Abandon struct{ Attempt uint64 }
	// Select moves the links to a release, empty for the factory's: Selected or
	// SelectFailed. The log of the Failed one is kept.
	Select struct{ Release, Previous, Failed string }
	// Prune removes releases and downloads that nobody needs any more, but not the one
	// that runs and the one that is wanted. Trusted says that what is selected is there
	// to stay.
	Prune struct {
		Running, Wanted string
		Trusted         bool
	}
)

// Commands to the local lane.
type (
	// Expect admits the Collector of a run; without a token it makes one: Expecting.
	Expect struct {
		Run   RunID
		Token string
	}
	// Forward hands a custom message to the Collector.
	Forward struct{ Message Message }
	// ForwardCapabilities hands the server's custom capabilities to the Collector.
	ForwardCapabilities struct{ List string }
)

// Commands to the upstream lane.
type (
	// Connect opens the link to the server.
	Connect struct {
		UID    string
		Status Status
		Beat   time.Duration // between heartbeats, as the server asked; zero: the usual one
	}
	// Publish replaces what the server shall know; only changes are sent.
	Publish struct{ Report Report }
	// ReportStatus tells how a remote configuration fared. Each one is sent.
	ReportStatus struct{ Status Status }
	// Send hands a custom message to the server.
	Send struct{ Message Message }
	// Disconnect sends what is pending and says goodbye: LinkClosed.
	Disconnect struct{}
)

// Commands to the engine itself.
type (
	// Record appends a verdict to the ledger before any later command is handed out.
	Record struct{ Verdict Verdict }
	// SetTimer asks for a TimerFired. Jitter spreads it by up to a fifth each way.
	SetTimer struct {
		Timer  Timer
		ID     uint64
		After  time.Duration
		Jitter bool
	}
	// Exit ends the daemon. Detach leaves the Collector running for the next life.
	Exit struct{ Detach bool }
)

func (Find) isCommand()                {}
func (Prepare) isCommand()             {}
func (Start) isCommand()               {}
func (Reload) isCommand()              {}
func (Stop) isCommand()                {}
func (Kill) isCommand()                {}
func (Rehearse) isCommand()            {}
func (Fetch) isCommand()               {}
func (Abandon) isCommand()             {}
func (Select) isCommand()              {}
func (Prune) isCommand()               {}
func (Expect) isCommand()              {}
func (Forward) isCommand()             {}
func (ForwardCapabilities) isCommand() {}
func (Connect) isCommand()             {}
func (Publish) isCommand()             {}
func (ReportStatus) isCommand()        {}
func (Send) isCommand()                {}
func (Disconnect) isCommand()          {}
func (Record) isCommand()              {}
func (SetTimer) isCommand()            {}
func (Exit) isCommand()                {}
