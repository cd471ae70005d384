// Package upgrade is the lane that brings releases of the Collector to the disk and moves
// the links that say which one runs. It decides nothing: the core says when.
package upgrade

import (
	"context"
	"sync"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/download"
	"opampd/supervisor/internal/release"
	"opampd/supervisor/internal/trust"
)

// Settings is what the lane works with.
type Settings struct {
	Releases *release.Releases
	// Trust says who may publish; nil when nobody may, for the reason Distrust.
	Trust    *trust.Trust
	Distrust error
	Download download.Settings
	Limits   Limits
	Host     trust.Host // but for Installed, Approved and Now

	Blob func(sha string) ([]byte, error)
	// Bad returns why a release with this content failed before, and whether it did.
	Bad func(content string) (reason string, bad bool)
	// Free returns how many bytes may still be written where releases are kept.
	Free func() (uint64, error)
	// Words returns the end of what the Collector printed last.
	Words func() []byte
	Now   func() time.Time
	Post  func(core.Event)
	Warn  func(message string)
}

// Limits is what the local file allows a package to be.
type Limits struct {
	Program     string // its name in an archive
	Mirrors     []string
	MaxSize     int64 // of the file, bytes
	MaxUnpacked int64
	Keep        int // how many releases are kept besides those in use
	Unsigned    bool
	Inbox       string // where packages lie that an operator handed over; they are removed when they are installed
}

// Lane carries out the commands of the upgrade.
type Lane struct {
	Settings
	abandon context.CancelFunc // of the fetch under way, if there is one
	attempt uint64
	running sync.WaitGroup
}

// New returns the lane.
func New(s Settings) *Lane { return &Lane{Settings: s, abandon: func() {}} }

// Wait returns when the goroutines of the lane have ended, which they do soon after the
// context of Run. After that the directory of releases is left alone.
func (l *Lane) Wait() { l.running.Wait() }

// Run carries out core.Fetch, which it does not wait for, core.Abandon, core.Select and
// core.Prune.
func (l *Lane) Run(ctx context.Context, cmd core.Command) {
	switch cmd := cmd.(type) { //nolint:gochecksumtype // the rest is for other lanes
	case core.Fetch:
		l.begin(ctx, cmd)
	case core.Abandon:
		if cmd.Attempt == l.attempt {
			l.abandon()
		}
	case core.Select:
		l.Post(l.choose(cmd))
	case core.Prune:
		l.prune(cmd)
	}
}

// begin fetches beside the lane, so that the links can be moved meanwhile. There is one
// fetch at a time: the one before was abandoned, and ends at once.
func (l *Lane) begin(ctx context.Context, cmd core.Fetch) {
	l.abandon()
	l.running.Wait()
	ctx, l.abandon = context.WithCancel(ctx)
	l.attempt = cmd.Attempt
	l.running.Go(func() {
		ev := l.fetch(ctx, cmd)
		if ctx.Err() == nil { // else nobody waits for it any more
			l.Post(ev)
		}
	})
}
