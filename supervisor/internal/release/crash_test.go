package release

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/testkit/crashdisk"
)

// view is what is to be seen from outside. What it sees of slots and links is sound, or the test fails.
type view struct {
	Current, Previous string
	Slots             []string
	Partials          []string
	Progress          progress
	Logs              []string
	Trust             int
}

func look(t *testing.T, r *Releases, what string) view {
	t.Helper()
	var v view
	var err error
	v.Current, err = r.Current()
	require.NoError(t, err, what)
	v.Previous, err = r.Previous()
	require.NoError(t, err, what)
	records, err := r.List()
	require.NoError(t, err, what)
	for _, record := range records {
		require.NoError(t, r.Sound(record.Archive), what)
		v.Slots = append(v.Slots, record.Version)
	}
	for _, linked := range []string{v.Current, v.Previous} {
		if linked != "" {
			require.NoError(t, r.Sound(linked), what)
		}
	}
	v.Partials, _ = r.tree.List(partialDir)
	err = disk.ReadDocument(r.tree, partialDir+"/"+sha("archive")+".json", &v.Progress)
	require.NoError(t, disk.IgnoreMissing(err), what)
	v.Logs, _ = r.tree.List(failedDir)
	_, err = r.LoadTrust(&v.Trust)
	require.NoError(t, err, what)
	require.Empty(t, r.Incidents(), "a crash is no damage: "+what)
	return v
}

func reopen(t *testing.T, tree disk.Tree, what string) *Releases {
	t.Helper()
	r, incidents, err := Open(tree, "/packages")
	require.NoError(t, err, what)
	require.Empty(t, incidents, "a crash is no damage: "+what)
	return r
}

// rehearse runs the act undisturbed: the disk before it, what is to be seen before and after, and what it does to the disk.
func rehearse(t *testing.T, sc scenario) (start *crashdisk.Disk, before, after view, operations []string) {
	t.Helper()
	start = crashdisk.New()
	r := reopen(t, start, "arranging")
	sc.arrange(t, r)
	tree := start.Clone()
	r = reopen(t, tree, "before")
	before = look(t, r, "before")
	tree.Count()
	require.NoError(t, sc.act(r))
	operations = tree.Operations()
	after = look(t, reopen(t, tree, "after"), "after")
	require.NotEqual(t, before, after)
	return start, before, after, operations
}

func at(operations []string, stop int) string {
	if stop > len(operations) {
		return "after the last operation"
	}
	return operations[stop-1]
}

// converges says that the act, done again, ends as it would have ended undisturbed, and durably.
func converges(t *testing.T, sc scenario, tree *crashdisk.Disk, after view, what string) {
	t.Helper()
	require.NoError(t, sc.act(reopen(t, tree, what)), what)
	lost := tree.Durable()
	require.Equal(t, after, look(t, reopen(t, lost, what), what), what)
}

func TestACrashAtAnyOperationLeavesASoundReleaseAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	var crashes, worlds atomic.Int64 // scenarios run at the same time
	t.Cleanup(func() {
		t.Logf("%d crash points tried, after which %d different disks may be found", crashes.Load(), worlds.Load())
	})
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			start, before, after, operations := rehearse(t, sc)
			for stop := 1; stop <= len(operations)+1; stop++ {
				crashes.Add(1)
				tree := start.Clone()
				r := reopen(t, tree, "start")
				tree.CrashAt(stop)
				done := sc.act(r) == nil
				for how, found := range tree.AfterCrash() {
					worlds.Add(1)
					what := fmt.Sprintf("crash at %d, %s, %s", stop, at(operations, stop), how)
					got := look(t, reopen(t, found, what), what)
					require.Contains(t, []string{before.Current, after.Current}, got.Current, what)
					require.Contains(t, []string{before.Previous, after.Previous}, got.Previous, what)
					require.Subset(t, append(before.Slots, after.Slots...), got.Slots, what)
					if done {
						require.Equal(t, after, got, "nil was returned: "+what)
					}
					converges(t, sc, found, after, what)
				}
			}
		})
	}
}

func TestACrashWhileRepeatingIsSurvivedToo(t *testing.T) {
	t.Parallel()
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			start, _, after, operations := rehearse(t, sc)
			for first := 1; first <= len(operations); first += 4 {
				once := start.Clone()
				r := reopen(t, once, "start")
				once.CrashAt(first)
				_ = sc.act(r)
				for how, found := range once.AfterCrash() {
					for second := 1; second <= len(operations); second += 5 {
						what := fmt.Sprintf("crash at %d, %s, then at %d, %s", first, at(operations, first), second, how)
						twice := found.Clone()
						r := reopen(t, twice, what)
						twice.CrashAt(second)
						_ = sc.act(r)
						for how, found := range twice.AfterCrash() {
							converges(t, sc, found, after, what+", "+how)
						}
					}
				}
			}
		})
	}
}

func TestAFullDiskAtAnyOperationIsReportedAndLeavesTheOldSelected(t *testing.T) {
	t.Parallel()
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			start, before, after, operations := rehearse(t, sc)
			for stop := 1; stop <= len(operations); stop++ {
				what := fmt.Sprintf("failure at %d, %s", stop, at(operations, stop))
				tree := start.Clone()
				r := reopen(t, tree, what)
				tree.FailAt(stop)
				require.ErrorIs(t, sc.act(r), syscall.ENOSPC, what)
				got := look(t, r, what)
				require.Equal(t, []string{before.Current, before.Previous}, []string{got.Current, got.Previous}, what)
				converges(t, sc, tree.Clone(), after, what)
				require.NoError(t, sc.act(r), "without a restart: "+what)
				require.Equal(t, after, look(t, r, what), what)
			}
		})
	}
}

func TestOnTheWayOneOfTheLinksAlwaysLeadsToWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to [2]string }{
		"forward":                     {[2]string{"b", "a"}, [2]string{"c", "b"}},
		"back":                        {[2]string{"b", "a"}, [2]string{"a", ""}},
		"forward from the factory":    {[2]string{"", ""}, [2]string{"b", ""}},
		"back and keep it in reserve": {[2]string{"b", "a"}, [2]string{"a", "b"}},
	} {
		needed := c.from[0] // forward, the one to fall back to; back, the one to go back to
		if c.to[0] == c.from[1] {
			needed = c.to[0]
		}
		tree := crashdisk.New()
		r := reopen(t, tree, name)
		installed("a", "b", "c")(t, r)
		require.NoError(t, r.Select(sha(c.from[0]), sha(c.from[1])))
		for stop := 1; stop < 8; stop++ {
			crashed := tree.Clone()
			r := reopen(t, crashed, name)
			crashed.CrashAt(stop)
			_ = r.Select(sha(c.to[0]), sha(c.to[1]))
			for how, found := range crashed.AfterCrash() {
				v := look(t, reopen(t, found, name), name)
				assert.Contains(t, []string{v.Current, v.Previous}, sha(needed), "%s, crash at %d, %s", name, stop, how)
			}
		}
	}
}

func TestADamagedSlotIsReplacedWhateverHappensMeanwhile(t *testing.T) {
	t.Parallel()
	start := crashdisk.New()
	require.NoError(t, install(reopen(t, start, ""), "a"))
	start.Put(sha("a")+"/otelcol", []byte("DAMAGED of the same size")[:len(program("a"))])
	tree := start.Clone()
	r := reopen(t, tree, "")
	require.True(t, disk.Damaged(r.Sound(sha("a"))))
	tree.Count()
	require.NoError(t, install(r, "a"))
	operations := tree.Operations()
	require.Len(t, r.Incidents(), 1)
	for stop := 1; stop <= len(operations); stop++ {
		tree := start.Clone()
		r := reopen(t, tree, "")
		tree.FailAt(stop)
		err := install(r, "a")
		require.ErrorIs(t, err, syscall.ENOSPC, "failure at %d, %s", stop, at(operations, stop))
		require.NoError(t, install(r, "a"))
		require.NoError(t, r.Sound(sha("a")))
		tree = start.Clone()
		r = reopen(t, tree, "")
		tree.CrashAt(stop)
		require.Error(t, install(r, "a"))
		for _, found := range tree.AfterCrash() {
			r, _, err := Open(found, "/packages")
			require.NoError(t, err)
			require.NoError(t, install(r, "a"))
			require.NoError(t, r.Sound(sha("a")))
		}
	}
}

func TestADisturbedDownloadNeverGoesOnFromBytesThatAreNotThose(t *testing.T) {
	t.Parallel()
	for _, older := range []string{shorter, longer} {
		start := crashdisk.New()
		downloaded(older)(t, reopen(t, start, ""))
		for stop := 1; stop < 25; stop++ {
			tree := start.Clone()
			r := reopen(t, tree, "")
			tree.CrashAt(stop)
			_ = download(r, "etag", archive)
			for how, found := range tree.AfterCrash() {
				p, err := reopen(t, found, "").Partial(sha("archive"))
				require.NoError(t, err)
				want := map[string]string{"old": older, "etag": archive, "": ""}[p.Validator()]
				got, err := contents(p)
				require.NoError(t, err)
				require.Equal(t, want[:p.Size()], got, "crash at %d, %s", stop, how)
			}
		}
	}
}
