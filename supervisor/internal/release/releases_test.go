package release

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/testkit/crashdisk"
)

func TestWithoutLinksItIsTheFactoryRelease(t *testing.T) {
	t.Parallel()
	v := look(t, openReal(t, filepath.Join(t.TempDir(), "packages")), "")
	assert.Equal(t, view{}, v)
}

func TestALinkThatLeadsElsewhereIsReportedAndReplaced(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"dangling": sha("gone"), "out of the directory": "/bin", "up": "../" + sha("a"), "a way round": "./" + sha("a"), "to itself": currentName,
	} {
		dir := t.TempDir()
		require.NoError(t, os.Symlink(target, filepath.Join(dir, currentName)))
		require.NoError(t, os.Symlink(target, filepath.Join(dir, previousName)))
		r := openReal(t, dir)
		for link, look := range map[string]func() (string, error){currentName: r.Current, previousName: r.Previous} {
			got, err := look()
			require.ErrorContains(t, err, "cannot follow the link "+filepath.Join(dir, link), name)
			assert.Empty(t, got)
		}
		require.NoError(t, install(r, "a"))
		_, err := r.Clean(1)
		require.NoError(t, err)
		require.NoError(t, r.Select(sha("a"), ""))
		assert.Equal(t, sha("a"), look(t, r, name).Current)
		assert.Empty(t, look(t, r, name).Previous)
	}
}

func TestWhatIsNoLinkIsMovedAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, currentName, "x"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, previousName), []byte(sha("a")), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, trustName), []byte("{"), 0o600))
	r, incidents := openDamaged(t, dir)
	assert.Len(t, incidents, 3)
	assert.Equal(t, view{}, look(t, r, ""))
	require.NoError(t, install(r, "a"))
	require.NoError(t, r.Select(sha("a"), sha("a")))
}

func TestASlotThatIsNotThereIsNotSelected(t *testing.T) {
	t.Parallel()
	r := openReal(t, t.TempDir())
	installed("a", "b")(t, r)
	require.NoError(t, r.Select(sha("a"), ""))
	for _, pair := range [][2]string{{sha("gone"), sha("a")}, {sha("b"), sha("gone")}} {
		require.ErrorIs(t, r.Select(pair[0], pair[1]), fs.ErrNotExist)
		v := look(t, r, "")
		assert.Equal(t, []string{sha("a"), ""}, []string{v.Current, v.Previous})
	}
}

func TestReleasesAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	r := openReal(t, t.TempDir())
	installed("b", "c", "a")(t, r)
	assert.Equal(t, []string{"c", "b", "a"}, look(t, r, "").Slots)
}

func TestCleaningKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	installed("a", "b", "c", "d", "e", "f")(t, r)
	require.NoError(t, r.Select(sha("c"), sha("b")))
	removed, err := r.Clean(1, sha("a"), "", "nonsense")
	require.NoError(t, err)
	assert.Equal(t, []string{sha("e"), sha("d")}, removed)
	assert.Equal(t, []string{"f", "c", "b", "a"}, look(t, r, "").Slots)
	removed, err = r.Clean(-1)
	require.NoError(t, err)
	assert.Len(t, removed, 2)
	assert.Equal(t, []string{"c", "b"}, look(t, r, "").Slots, "what a link leads to is never removed")
}

func TestCleaningLooksAtTheDiskAndNotAtWhatIsRemembered(t *testing.T) {
	t.Parallel() // peers.md 2.3, #13505
	dir := t.TempDir()
	r := openReal(t, dir)
	installed("a", "b")(t, r)
	require.NoError(t, r.Select(sha("a"), ""))
	require.NoError(t, os.Remove(filepath.Join(dir, currentName)))
	require.NoError(t, os.Symlink(sha("b"), filepath.Join(dir, currentName)))
	removed, err := r.Clean(0)
	require.NoError(t, err)
	assert.Equal(t, []string{sha("a")}, removed)
}

func TestCleaningRemovesLitterAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	require.NoError(t, install(r, "a"))
	for i := range 3 {
		writeFile(t, filepath.Join(dir, sha("a"), "otelcol"), fmt.Sprint(i))
		require.NoError(t, install(r, "a"))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, buildDir, "x"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, trashPrefix+sha("x")), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, disk.Temp), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "not ours"), nil, 0o600))
	for _, name := range []string{"x", "y"} {
		p, err := r.Partial(sha(name))
		require.NoError(t, err)
		require.NoError(t, p.Restart("etag"))
		require.NoError(t, p.Close())
	}
	require.NoError(t, r.KeepLog(sha("x"), nil))
	newest := r.Incidents()[2].MovedTo

	_, err := r.Clean(1, sha("y"))
	require.NoError(t, err)
	var left []string
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			left = append(left, path)
		}
		return err
	}))
	evidence := filepath.Base(newest)
	assert.ElementsMatch(t, []string{
		sha("a") + "/otelcol", sha("a") + "/release.json", evidence + "/otelcol", evidence + "/release.json",
		"failed/" + sha("x") + ".log", "not ours", "partial/" + sha("y"), "partial/" + sha("y") + ".json",
	}, left)
}

func TestLogsAreCutAndFewAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	for i, name := range []string{"a", "b", "c", "d", "d"} {
		require.NoError(t, r.KeepLog(sha(name), []byte(strings.Repeat("x", maxLog)+name)))
		when := time.Unix(int64(i), 0)
		require.NoError(t, os.Chtimes(filepath.Join(dir, failedDir, sha(name)+".log"), when, when))
	}
	var want []string
	for _, name := range []string{"b", "c", "d"} {
		want = append(want, sha(name)+".log")
	}
	assert.ElementsMatch(t, want, look(t, r, "").Logs)
	body, err := os.ReadFile(filepath.Join(dir, failedDir, sha("d")+".log"))
	require.NoError(t, err)
	assert.Len(t, body, maxLog)
	assert.True(t, strings.HasSuffix(string(body), "d"))
}

func TestTrustIsKeptAndDamagedTrustIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	v := map[string]int{}
	found, err := r.LoadTrust(&v)
	require.NoError(t, err)
	assert.False(t, found)
	require.NoError(t, r.SaveTrust(map[string]int{"list": 7}))
	found, err = openReal(t, dir).LoadTrust(&v)
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, 7, v["list"])
	require.NoError(t, os.Truncate(filepath.Join(dir, trustName), 9))
	found, err = r.LoadTrust(&v)
	require.NoError(t, err)
	assert.False(t, found)
	assert.Len(t, r.Incidents(), 1)
}

func TestADirectoryThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	tree := crashdisk.New()
	tree.CrashAt(1)
	_ = tree.Mkdir("x")
	_, _, err := Open(tree, "/packages")
	assert.ErrorIs(t, err, crashdisk.ErrCrashed)
}
