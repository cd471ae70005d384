package core

import "time"

// Time is a moment in nanoseconds since the Unix epoch. It reaches the core in
// events only; zero means never.
type Time int64

// RunID numbers process launches in this life of the daemon. Reports carrying an
// old RunID are ignored.
type RunID uint64

// State is everything the core knows. It is a plain value; == compares it.
type State struct {
	Durable
	Settings Settings
	Boot     Boot
	Agent    Agent
	Rollout  Rollout
	Upgrade  Upgrade
	Link     Link
	Storage  string // why state cannot be saved; empty while it can

	Closing, Forced, Detaching, Exiting bool
}

// Durable is the part of State that must be on disk before any command of the
// same step is handed out.
type Durable struct {
	UID     string
	Offered Offer
	Applied Offer // what was offered and applied last; the ledger does not vouch for it before it has lasted
	Status  Status
	Tries   int // how many lives switched to the offered configuration and ended, not in good order, without a verdict
	Signals Signals
	Beat    time.Duration // the heartbeat that the server asked for; zero: none

	Packages Packages
}

// Settings is what the local file grants and wants, fixed for this life.
type Settings struct {
	AcceptsConfig, HasFallback bool
	Rollback                   bool
	Reload                     ReloadMode
	ApplyTimeout, Probation    time.Duration
	RestartDelay, RestartMax   time.Duration
	RestartReset               time.Duration

	AcceptsPackages       bool
	Watch, UnhealthyLimit time.Duration // of a new release
}

// ReloadMode says how a running Collector is moved to a new configuration.
type ReloadMode int

// The reload modes.
const (
	ReloadAuto    ReloadMode = iota // the gentlest way that works
	ReloadHUP                       // SIGHUP where it is safe
	ReloadRestart                   // always a new process
)

// Boot is how far the daemon has come.
type Boot int

// The boot stages.
const (
	BootNone    Boot = iota
	BootFinding      // looking for a Collector that outlived us
	BootDone
)

// Offer names a remote configuration: Hash is the server's own name for it in
// hex (opaque, may be empty), Body the name under which the store holds it, and
// Empty says that it has no files, which stops the Collector.
type Offer struct {
	Hash, Body string
	Empty      bool
}

// Known reports whether there is an offer at all.
func (o Offer) Known() bool { return o.Body != "" || o.Hash != "" || o.Empty }

// StatusCode is the RemoteConfigStatuses enum of the OpAMP specification.
type StatusCode int

// The remote configuration statuses.
const (
	StatusUnset StatusCode = iota
	StatusApplied
	StatusApplying
	StatusFailed
)

// Status is what the server is told about the offered configuration.
type Status struct {
	Hash    string
	Code    StatusCode
	Message string
}

// Kind says what a failure depends on.
type Kind int

// The kinds of failure.
const (
	KindNone       Kind = iota
	KindContent         // the configuration itself: the same bytes fail again
	KindWorld           // the world around it: may work another time
	KindBinary          // the Collector's binary cannot be run
	KindSuperseded      // a newer offer came first
)

// Verdict is an entry of the ledger. One on a release has the server's name for the
// package and its content as its Offer.
type Verdict struct {
	Package          bool
	Offer            Offer
	Good             bool
	Kind             Kind
	Reason, Evidence string
	Config           string
	Binary, Policy   string
}

// TargetKind says where a configuration comes from.
type TargetKind int

// The sources of a configuration.
const (
	TargetUnset    TargetKind = iota
	TargetNone                // nothing runs: the server sent an empty configuration
	TargetOffer               // a remote configuration with the local files
	TargetFallback            // startup_fallback_configs
	TargetLocal               // the local files alone
	TargetNoop                // the opamp extension alone
)

// Target is a configuration that could run.
type Target struct {
	Kind  TargetKind
	Offer Offer
}

// Signals holds the destinations of the Collector's own telemetry, each encoded
// as the upstream lane made it; empty means none.
type Signals struct{ Metrics, Traces, Logs string }

// Wish is all that the rendered configuration depends on.
type Wish struct {
	Target  Target
	Signals Signals
	UID     string
	Release string
}

// Message is a custom message.
type Message struct{ Capability, Type, Data string }

// Timer names what a timer is for.
type Timer int

// The timers. The ID of each is the run, the attempt or the wait it belongs to.
const (
	TimerApply     Timer = iota // the configuration must have shown evidence by now
	TimerProbation              // the configuration has lasted
	TimerRetry                  // a failed configuration may be tried again when offered
	TimerPrepare                // try to prepare again after a problem of the binary
	TimerBackoff                // the Collector may be started again
	TimerSettle                 // the Collector, ready, handles signals by now
	TimerSteady                 // the Collector has run long enough to forgive crashes
	TimerUnready                // the Collector was spared signals for long enough, ready or not
	TimerPackage                // a package that failed may be tried again
	TimerSelect                 // the links may be moved again
	TimerWatch                  // the new release has lasted
	TimerIll                    // the new release has been ill for too long
	TimerKill                   // a release that failed had its time to end
	TimerGap                    // a gap between two configurations is told as what it is by now
)
