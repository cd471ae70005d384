package core

// Release names a version of the Collector that can run: ID is the SHA-256 of the
// package that it came in, empty for the factory release (agent.executable). Hash is
// the server's own name for the package, or the SHA-256 of the factory's binary.
type Release struct{ ID, Version, Hash string }

// PackageOffer names the package that shall be installed. Content is the SHA-256 of
// its file, and empty when there is nothing to install; Body is the name under which
// the store holds the rest: where it is, and its signature. Manual says that an
// operator of this host asked for it.
type PackageOffer struct {
	Name, Version, Hash string
	Content, Body       string
	Extras              string // answers to the rest of the offer, encoded; the core only carries them
	Problem             string // why nothing of the offer is taken
	Manual              bool
}

// PackageCode is the PackageStatusEnum of the OpAMP specification.
type PackageCode int

// The states of a package.
const (
	PackageNone        PackageCode = iota // nothing was offered
	PackagePending                        // not begun yet
	PackageDownloading                    // being fetched and verified
	PackageInstalling                     // being rehearsed, switched to, watched
	PackageInstalled
	PackageFailed
)

// Packages is the journal of upgrades. It is on disk before anything of it is done.
type Packages struct {
	All     string // the server's name for its last offer as a whole (S-231)
	Offer   PackageOffer
	Code    PackageCode
	Message string
	Passing bool // it failed for something that passes, and is tried again by itself
	Trial   Trial
}

// TrialStage is how far a new release is on its way to be trusted.
type TrialStage int

// The stages of a trial.
const (
	TrialNone      TrialStage = iota
	TrialSwitching            // the links are being moved to it
	TrialProving              // it is selected, and has to show that it works
	TrialWatching             // it works, and has to last
	TrialReverting            // the links are being moved back
)

// Trial is the switch from one release to another. Spare is what could have been
// returned to before it.
type Trial struct {
	Stage           TrialStage
	From, To, Spare Release
	Tries           int // lives that ended during it, not in good order
}

// FetchStage is how far the offered release is on its way to the disk.
type FetchStage int

// The stages of the way to the disk.
const (
	FetchIdle       FetchStage = iota
	FetchFetching              // downloaded, verified, unpacked
	FetchRehearsing            // asked whether it can run what runs now
	FetchReady                 // waiting for its turn
)

// Upgrade is what is known of releases in this life.
type Upgrade struct {
	Current, Previous Release // what the links on disk say
	Selects           uint64  // numbers the moves of the links

	Stage     FetchStage
	Attempt   uint64 // numbers fetches and rehearsals; answers of an older one are stale
	Ready     Release
	Rehearsed Wish // what the release was asked about
	Percent   int
	Rate      int64 // bytes per second

	Hold     Wish          // what runs while a release proves itself: one change at a time
	Queued   ConfigOffered // came meanwhile
	Since    uint64        // the rollout attempt that proved the release
	Returned bool          // the release before is to run, whatever the links say
	Recall   bool          // an operator wants the release before back as soon as the links are moved
	Hasty    RunID         // the run of a release that failed, which gets little time to end

	Watch Watch
	Cool  Cool
}

// Watch is what is seen of a release while it is watched.
type Watch struct {
	ID    uint64 // numbers the watches
	Ill   bool   // not healthy now
	IllID uint64
	Flips int // how often it fell ill
}

// Cool keeps a package that failed from being tried again at once.
type Cool struct {
	On, Again bool // Again: it was offered meanwhile
	ID        uint64
	Retries   int
}
