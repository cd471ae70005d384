package upgrade

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/testkit/crashdisk"
)

// act is something that a crash can interrupt: an upgrade, or the way back from one.
type act struct {
	name   string
	before string // the version that is installed beforehand; empty for the factory's
	wanted string
	bad    string
	goBack bool
	ends   []string // the versions that may run in the end; empty for the factory's
}

func acts() []act {
	return []act{
		{name: "the first upgrade", wanted: "2", ends: []string{"", "2"}},
		{name: "another upgrade", before: "1", wanted: "2", ends: []string{"1", "2"}},
		{name: "an upgrade to a release that dies", before: "1", wanted: "2", bad: "2", ends: []string{"1"}},
		{name: "the first upgrade, to a release that dies", wanted: "2", bad: "2", ends: []string{""}},
		{name: "a roll back by hand", before: "2", goBack: true, ends: []string{"", "2"}},
	}
}

// begin is a host that is at rest, before the act.
func (a act) begin(t *testing.T, s *shop) *host {
	t.Helper()
	h := &host{t: t, shop: s, disk: crashdisk.New(".", "blobs", "remote", "candidates", "packages"), wanted: a.before}
	h.boot()
	h.live()
	require.True(t, h.alive)
	require.Equal(t, h.content(a.before), h.running, "%+v", h.state.Packages)
	return h
}

// operations are those of the act on the disk when nothing interrupts it.
func (a act) operations(t *testing.T, s *shop, rest *crashdisk.Disk) []string {
	t.Helper()
	h := (&host{t: t, shop: s}).again(a, rest.Clone())
	h.disk.Count()
	h.starts(1)
	return h.disk.Operations()
}

func (h *host) content(version string) string { return h.shop.packages[version].content }

// again is the same host with another disk, when the act begins.
func (h *host) again(a act, d *crashdisk.Disk) *host {
	return &host{t: h.t, shop: h.shop, disk: d, wanted: a.wanted, bad: a.bad, goBack: a.goBack}
}

// starts lets a host live until it has settled, and returns how many starts that took.
func (h *host) starts(most int) int {
	for n := 1; ; n++ {
		h.boot()
		h.live()
		p := h.state.Packages
		settled := p.Trial.Stage == core.TrialNone && slices.Contains([]core.PackageCode{core.PackageNone, core.PackageInstalled, core.PackageFailed}, p.Code)
		if settled || n == most {
			require.True(h.t, settled, "not at rest after %d starts: %+v", n, p)
			return n
		}
	}
}

// require checks what must hold once a host is at rest: the old or the new runs, it is the one that the links say, and
// it is what was signed.
func (h *host) require(a act, words string) {
	h.t.Helper()
	require.True(h.t, h.alive, "%s: nothing runs", words)
	var may []string
	for _, version := range a.ends {
		may = append(may, h.content(version))
	}
	require.Contains(h.t, may, h.running, words)
	current, err := h.lane.Releases.Current()
	require.NoError(h.t, err, words)
	require.Equal(h.t, current, h.running, words)
	if current != "" {
		require.NoError(h.t, h.lane.Releases.Sound(current), words)
	}
	if p := h.state.Packages; p.Code == core.PackageInstalled {
		require.Equal(h.t, p.Offer.Content, h.running, words)
	}
}

// TestACrashAtAnyInstantOfAnUpgradeLeavesTheOldOrTheNew crashes at each operation of each act, with each fate of what was
// not synced, and starts again.
func TestACrashAtAnyInstantOfAnUpgradeLeavesTheOldOrTheNew(t *testing.T) {
	t.Parallel()
	s := open(t, "1", "2")
	for _, a := range acts() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			rest := a.begin(t, s).disk
			operations := a.operations(t, s, rest)
			points, most := 0, 0
			for at, operation := range operations {
				crashed := (&host{t: t, shop: s}).again(a, rest.Clone())
				crashed.disk.CrashAt(at + 1)
				crashed.boot()
				crashed.live()
				for fate, disk := range crashed.disk.AfterCrash() {
					h := (&host{t: t, shop: s}).again(a, disk)
					most = max(most, h.starts(2))
					h.require(a, operation+", "+fate)
					points++
				}
			}
			t.Logf("%s: %d operations, %d fates of what was not synced, %d different disks; at rest after at most %d starts",
				a.name, len(operations), len(crashdisk.Aftermaths()), points, most)
		})
	}
}

// TestAFullDiskAtAnyInstantOfAnUpgradeLeavesTheOldOrTheNew does the same with ENOSPC.
func TestAFullDiskAtAnyInstantOfAnUpgradeLeavesTheOldOrTheNew(t *testing.T) {
	t.Parallel()
	s := open(t, "1", "2")
	for _, a := range acts() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			rest := a.begin(t, s).disk
			for at, operation := range a.operations(t, s, rest) {
				h := (&host{t: t, shop: s}).again(a, rest.Clone())
				h.disk.FailAt(at + 1)
				h.boot()
				h.live()
				require.True(t, h.alive, "%s: nothing runs", operation)
				require.Contains(t, append([]string{""}, h.content(a.before), h.content(a.wanted)), h.running)
				h.disk.Count()
				h.starts(2)
				h.require(a, operation)
			}
		})
	}
}
