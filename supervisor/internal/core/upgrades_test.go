package core_test

import (
	"strings"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

// upgrades is the upgrade lane and its disk in the world. A release with "y" in its name
// dies, one with "z" never gets healthy, one with "u" does not pass its rehearsal, one
// with "x" is not signed.
type upgrades struct {
	link, previous string // on disk
	fetch          *core.Fetch
	rehearse       *core.Rehearse
	selects        []core.Select
}

func (u *upgrades) busy() bool { return u.fetch != nil || u.rehearse != nil || len(u.selects) > 0 }

// survey is what a life begins with. What the lane was asked for is done or not.
func (w *world) survey() {
	u := &w.upgrade
	if len(u.selects) > 0 && w.chance(2) {
		u.link, u.previous = u.selects[0].Release, u.selects[0].Previous
	}
	u.fetch, u.rehearse, u.selects = nil, nil, nil
	w.s.Upgrade.Current, w.s.Upgrade.Previous = core.Release{ID: u.link}, core.Release{ID: u.previous}
}

func (w *world) toUpgrade(c core.Command) {
	u := &w.upgrade
	switch c := c.(type) {
	case core.Fetch:
		require.Nil(w.t, u.fetch, "two downloads at once\n%s", w)
		u.fetch = &c
	case core.Abandon:
		require.NotNil(w.t, u.fetch, "nothing to abandon\n%s", w)
		u.fetch = nil
	case core.Rehearse:
		u.rehearse = &c
	case core.Select:
		u.selects = append(u.selects, c)
		require.Len(w.t, u.selects, 1, "two switches at once\n%s", w)
	default:
	}
}

// lane lets the upgrade lane do its next work.
func (w *world) lane() {
	u := &w.upgrade
	switch {
	case len(u.selects) > 0:
		c := u.selects[0]
		u.selects = nil
		if w.chance(6) {
			w.step(core.SelectFailed{Release: c.Release, Reason: "disk full", Refused: c.Release != "" && w.chance(4)})
			return
		}
		u.link, u.previous = c.Release, c.Previous
		w.step(core.Selected{Release: c.Release})
	case u.rehearse != nil:
		c := *u.rehearse
		u.rehearse = nil
		if strings.Contains(c.Wish.Release, "u") || w.chance(8) {
			w.step(core.Unfit{Attempt: c.Attempt, Kind: core.KindBinary, Reason: "lacks a component"})
			return
		}
		w.step(core.Rehearsed{Attempt: c.Attempt, Version: "v" + c.Wish.Release})
	case u.fetch != nil:
		c := *u.fetch
		u.fetch = nil
		w.fetched(c)
	}
}

func (w *world) fetched(c core.Fetch) {
	content := c.Offer.Content
	switch {
	case strings.Contains(content, "x") || w.checked.verdicts[content] == core.KindContent:
		w.step(core.FetchFailed{Attempt: c.Attempt, Kind: core.KindContent, Reason: "refused"})
	case w.chance(6):
		w.step(core.FetchFailed{Attempt: c.Attempt, Kind: core.KindWorld, Reason: "no connection"})
	default:
		w.step(core.Fetched{Attempt: c.Attempt, Release: core.Release{ID: content, Hash: c.Offer.Hash}})
	}
}

func (w *world) offerPackage(n int) {
	if n%16 == 15 {
		w.step(core.RollbackRequested{})
		return
	}
	content := []string{"r1", "r2", "r3", "ry", "rz", "ru", "rx", ""}[n%8]
	w.step(core.PackagesOffered{All: "all", Offer: core.PackageOffer{Hash: "h" + content, Content: content, Body: "b", Manual: n > 200}})
}

func (w *world) binaryOf(release string) string { return w.binary + release }

func (c *child) deadly() bool { return strings.Contains(c.config+c.release, "y") }
func (c *child) ill() bool    { return strings.Contains(c.config+c.release, "z") }

// record keeps a verdict, and checks that one on a release is true.
func (c *invariants) record(v core.Verdict) {
	if !v.Package {
		c.ledger = append(c.ledger, v)
		return
	}
	w := c.w
	require.NotEmpty(w.t, v.Offer.Body, "a verdict on the factory's release\n%s", w)
	c.verdicts[v.Offer.Body] = v.Kind
	if v.Good {
		require.False(w.t, strings.ContainsAny(v.Offer.Body, "yzux"), "good without evidence\n%s", w)
		c.verdicts[v.Offer.Body] = core.KindNone
	}
}

// requireReleases holds when nothing is left to happen.
func (w *world) requireReleases() {
	s, p := w.s, w.s.Packages
	require.Equal(w.t, core.TrialNone, p.Trial.Stage, "a trial without an end\n%s", w)
	if s.Rollout.Tried.Target.Kind != core.TargetNone && s.Settings.AcceptsPackages {
		require.Contains(w.t, []core.PackageCode{core.PackageNone, core.PackageInstalled, core.PackageFailed}, p.Code, "no verdict\n%s", w)
	}
	require.Equal(w.t, w.upgrade.link, s.Upgrade.Current.ID, "%s", w)
	require.Equal(w.t, core.ConfigOffered{}, s.Upgrade.Queued, "a configuration waits for ever\n%s", w)
	if p.Code == core.PackageInstalled {
		require.Equal(w.t, p.Offer.Content, w.upgrade.link, "%s", w)
	}
	if w.child != nil {
		require.Equal(w.t, w.upgrade.link, w.child.release, "%s", w)
	}
}
