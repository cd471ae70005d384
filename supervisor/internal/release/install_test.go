package release

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/testkit/crashdisk"
)

func TestEveryActDoesTheSameInARealDirectory(t *testing.T) {
	t.Parallel()
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			_, before, after, _ := rehearse(t, sc)
			dir := filepath.Join(t.TempDir(), "packages")
			r := openReal(t, dir)
			sc.arrange(t, r)
			assert.Equal(t, before, look(t, r, "before"))
			require.NoError(t, sc.act(r))
			assert.Equal(t, after, look(t, openReal(t, dir), "after"))
			require.NoError(t, sc.act(r), "it can be called again")
			assert.Equal(t, after, look(t, openReal(t, dir), "repeated"))
		})
	}
}

func TestASlotIsReadOnlyAndHasItsRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	want := Record{
		Archive: sha("a"), Program: "otelcol-lean", Name: "collector", Version: "1.2.3", PackageHash: "0a0b",
		Index: 7, Signers: []string{"release"}, BytesOnly: true,
	}
	require.NoError(t, r.Install(want, func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err }))
	got, err := openReal(t, dir).Load(sha("a"))
	require.NoError(t, err)
	assert.False(t, got.InstalledAt.IsZero())
	assert.Equal(t, filepath.Join(dir, sha("a"), "otelcol-lean"), r.Path(got))
	want.Binary, want.Size, want.InstalledAt = sha("x"), 1, got.InstalledAt
	assert.Equal(t, want, got)
	for path, mode := range map[string]fs.FileMode{"": 0o500, "otelcol-lean": 0o500, "release.json": 0o400} {
		info, err := os.Stat(filepath.Join(dir, sha("a"), path))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), path)
	}
}

func TestAnInstallationThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("the archive is broken")
	for name, c := range map[string]struct {
		record Record
		body   string
		err    error
		says   string
	}{
		"the filling fails":    {Record{}, "half", broken, "broken"},
		"another hash":         {Record{Binary: sha("y")}, "x", nil, "its SHA-256 is " + sha("x") + ", not " + sha("y")},
		"another size":         {Record{Size: 2}, "x", nil, "it has 1 bytes, not 2"},
		"an empty program":     {Record{}, "", nil, "is empty"},
		"a name out of it":     {Record{Program: "../otelcol"}, "x", nil, "file name"},
		"the name of a record": {Record{Program: "Release.json"}, "x", nil, "the record of the release has it"},
		"no name":              {Record{Program: "."}, "x", nil, "file name"},
		"a long name":          {Record{Program: strings.Repeat("x", 256)}, "x", nil, "file name"},
		"control characters":   {Record{Program: "otel\ncol"}, "x", nil, "file name"},
	} {
		dir := t.TempDir()
		r := openReal(t, dir)
		c.record.Archive = sha("a")
		if c.record.Program == "" {
			c.record.Program = "otelcol"
		}
		err := r.Install(c.record, func(w io.Writer) error { _, err := io.WriteString(w, c.body); return errors.Join(err, c.err) })
		require.ErrorContains(t, err, c.says, name)
		require.ErrorContains(t, err, "cannot install the release "+filepath.Join(dir, sha("a")), name)
		if c.err != nil {
			require.ErrorIs(t, err, c.err, name)
		}
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left, name)
	}
}

func TestASlotThatIsSoundIsLeftAloneAndADamagedOneIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	require.NoError(t, install(r, "a"))
	again := Record{Archive: sha("a"), Program: "otelcol"}
	require.NoError(t, r.Install(again, func(io.Writer) error { return errors.New("it should not be filled") }))
	writeFile(t, filepath.Join(dir, sha("a"), "otelcol"), strings.ToUpper(program("a")))
	require.True(t, disk.Damaged(r.Sound(sha("a"))))
	require.NoError(t, install(r, "a"))
	require.NoError(t, r.Sound(sha("a")))
	incidents := r.Incidents()
	require.Len(t, incidents, 1)
	assert.Contains(t, incidents[0].Reason, "changed or damaged since it was installed")
	assert.DirExists(t, incidents[0].MovedTo)
}

func TestWhatIsDamagedIsMovedAsideAndTheFactoryReleaseRuns(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(slot string) error{
		"no record":       func(slot string) error { return os.Remove(slot + "/release.json") },
		"a torn record":   func(slot string) error { return os.Truncate(slot+"/release.json", 30) },
		"an empty record": func(slot string) error { return os.Truncate(slot+"/release.json", 0) },
		"no program":      func(slot string) error { return os.Remove(slot + "/otelcol") },
		"a cut program":   func(slot string) error { return os.Truncate(slot+"/otelcol", 3) },
		"not executable":  func(slot string) error { return os.Chmod(slot+"/otelcol", 0o400) },
		"a linked program": func(slot string) error {
			return errors.Join(os.Remove(slot+"/otelcol"), os.Symlink("/bin/sh", slot+"/otelcol"))
		},
		"not a directory": func(slot string) error { return errors.Join(os.RemoveAll(slot), os.WriteFile(slot, nil, 0o600)) },
		"a link":          func(slot string) error { return errors.Join(os.Rename(slot, slot+"x"), os.Symlink(slot+"x", slot)) },
		"another's record": func(slot string) error {
			body, err := disk.EncodeDocument(Record{Archive: sha("b"), Binary: sha("x"), Program: "otelcol"})
			return errors.Join(err, os.WriteFile(slot+"/release.json", body, 0o600))
		},
		"a record with a path": func(slot string) error {
			body, err := disk.EncodeDocument(Record{Archive: sha("a"), Binary: sha("x"), Program: "../../x"})
			return errors.Join(err, os.WriteFile(slot+"/release.json", body, 0o600))
		},
	} {
		dir := t.TempDir()
		first := openReal(t, dir)
		require.NoError(t, install(first, "a"))
		require.NoError(t, first.Select(sha("a"), ""))
		slot := filepath.Join(dir, sha("a"))
		require.NoError(t, os.Chmod(slot, 0o700))
		require.NoError(t, os.Chmod(slot+"/otelcol", 0o700))
		require.NoError(t, os.Chmod(slot+"/release.json", 0o600))
		require.NoError(t, damage(slot), name)
		_, err := first.Load(sha("a"))
		require.True(t, disk.Damaged(err), "%s: %v", name, err)

		r, incidents := openDamaged(t, dir)
		require.Len(t, incidents, 1, name)
		assert.Equal(t, sha("a"), incidents[0].File)
		_, err = os.Lstat(incidents[0].MovedTo)
		require.NoError(t, err, name)
		current, err := r.Current()
		assert.Empty(t, current, name)
		require.ErrorContains(t, err, "cannot be used", name)
		records, err := r.List()
		require.NoError(t, err)
		assert.Empty(t, records, name)
		require.NoError(t, install(r, "a"), name)
		current, err = r.Current()
		require.NoError(t, err)
		assert.Equal(t, sha("a"), current, "its place was kept: "+name)
	}
}

func TestOnlyAHashEverBecomesAPath(t *testing.T) {
	t.Parallel()
	r := reopen(t, crashdisk.New(), "")
	for _, name := range []string{"", ".", "..", "../" + sha("a"), strings.ToUpper(sha("a")), sha("a")[1:], sha("a") + "0", currentName, strings.Repeat("\x00", 64)} {
		_, err := r.Load(name)
		assert.ErrorContains(t, err, "is not a SHA-256", name)
		_, err = r.Partial(name)
		assert.ErrorContains(t, err, "is not a SHA-256", name)
		_, _, err = r.OpenBinary(name)
		assert.ErrorContains(t, err, "is not a SHA-256", name)
		assert.ErrorContains(t, r.Install(Record{Archive: name, Program: "x"}, nil), "is not a SHA-256", name)
		assert.ErrorContains(t, r.KeepLog(name, nil), "is not a SHA-256", name)
		if name != "" {
			assert.ErrorContains(t, r.Select(name, ""), "is not a SHA-256", name)
			assert.ErrorContains(t, r.Select("", name), "is not a SHA-256", name)
		}
	}
}

func TestGoingBackDoesNotWaitForAnInstallation(t *testing.T) {
	t.Parallel()
	r := openReal(t, t.TempDir())
	require.NoError(t, install(r, "a"))
	require.NoError(t, r.Select(sha("a"), ""))
	unpacking, goOn := make(chan struct{}), make(chan struct{})
	var lane sync.WaitGroup
	lane.Go(func() {
		assert.NoError(t, r.Install(Record{Archive: sha("b"), Program: "otelcol"}, func(w io.Writer) error {
			close(unpacking)
			<-goOn
			_, err := io.WriteString(w, "x")
			return err
		}))
	})
	<-unpacking
	require.NoError(t, r.Select("", sha("a")))
	_, err := r.Clean(0)
	require.NoError(t, err, "the slot that is being built is left alone")
	close(goOn)
	lane.Wait()
	require.NoError(t, r.Sound(sha("b")))
}

func TestTwoLanesMayUseTheReleasesAtOnce(t *testing.T) {
	t.Parallel() // what this shows, it shows under -race
	r := openReal(t, t.TempDir())
	require.NoError(t, install(r, "a"))
	var lanes sync.WaitGroup
	for _, name := range []string{"b", "c"} {
		lanes.Go(func() {
			for range 3 {
				assert.NoError(t, install(r, name))
				assert.NoError(t, r.Select(sha("a"), ""))
				_, err := r.Clean(0, sha("b"), sha("c"))
				assert.NoError(t, err)
				current, err := r.Current()
				assert.NoError(t, err)
				assert.Equal(t, sha("a"), current)
				assert.NoError(t, r.KeepLog(sha(name), []byte("x")))
				assert.NoError(t, r.SaveTrust(1))
				p, err := r.Partial(sha(name))
				assert.NoError(t, err)
				assert.NoError(t, p.Restart("etag"))
				assert.NoError(t, p.Close())
			}
		})
	}
	lanes.Wait()
	assert.Empty(t, r.Incidents())
}
