package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

// run makes yaml what is effective, and returns where.
func run(t *testing.T, s *Store, config, yaml string) string {
	t.Helper()
	_, err := s.WriteCandidate(config, []byte(yaml))
	require.NoError(t, err)
	path, err := s.Promote(config)
	require.NoError(t, err)
	return path
}

func TestTheCandidateTakesThePlaceOfTheEffectiveConfiguration(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	effective := run(t, s, "c0", "old")
	candidate, err := s.WriteCandidate("c1", []byte("new"))
	require.NoError(t, err)
	assert.Equal(t, s.Path("candidates", "c1.yaml"), candidate)
	body, err := s.Effective()
	require.NoError(t, err)
	assert.Equal(t, "old", string(body), "a candidate changes nothing")

	promoted, err := s.Promote("c1")
	require.NoError(t, err)
	assert.Equal(t, effective, promoted)
	_, err = s.Promote("c1")
	require.NoError(t, err, "a Collector that crashed is started again on what is effective")
	body, err = os.ReadFile(effective)
	require.NoError(t, err)
	assert.Equal(t, "new", string(body))
	assert.NoFileExists(t, candidate)
	info, err := os.Stat(effective)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "there are secrets in it")
}

func TestNothingToPromoteAndNothingEffectiveAreErrorsWithACause(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	_, err := s.Promote("c1")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Effective()
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, s.Path("effective.yaml"))
}

func TestRemoteFilesAreExactlyThoseOfTheLastOffer(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.NoError(t, s.WriteRemoteFiles(map[string][]byte{"a.yaml": []byte("1"), "b.yaml": []byte("2")}))
	require.NoError(t, s.WriteRemoteFiles(map[string][]byte{"b.yaml": []byte("3"), "": []byte("4")}))
	names, err := s.keeper.Files.List(remoteDir)
	require.NoError(t, err)
	assert.Equal(t, []string{"b.yaml", "config.yaml"}, names)
	body, err := os.ReadFile(s.Path("remote", "b.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "3", string(body))
	require.NoError(t, s.WriteRemoteFiles(nil))
	names, err = s.keeper.Files.List(remoteDir)
	require.NoError(t, err)
	assert.Empty(t, names)
}

func TestRemoteFilesThatDidNotChangeAreNotWritten(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	s := newCrashStore(disk)
	offer := map[string][]byte{"a.yaml": []byte("1")}
	require.NoError(t, s.WriteRemoteFiles(offer))
	disk.Count()
	require.NoError(t, s.WriteRemoteFiles(offer))
	assert.Empty(t, disk.Operations())
}

func TestNamesFromTheServerAreMadeSafe(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                     "config.yaml",
		"..":                   "config.yaml",
		"a.yaml":               "a.yaml",
		".hidden":              "hidden",
		"../../etc/passwd":     "_.._etc_passwd",
		"/etc/passwd":          "_etc_passwd",
		`c:\x`:                 "c:_x",
		"a\x00b\n":             "a_b_",
		"\xff":                 "_",
		disk.Temp:              "tmp",
		"Grüße.yaml":           "Grüße.yaml",
		"state.json":           "state.json", // in remote/, not ours
		"x" + disk.CorruptMark: "x" + disk.CorruptMark,
		"a/../../state.json":   "a_.._.._state.json",
	} {
		assert.Equal(t, want, safeName(name), "%q", name)
	}
}

func TestLongNamesAreShortenedAndKeepTheirExtension(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("ü", 200) + ".yaml", strings.Repeat("x", 500), "x." + strings.Repeat("y", 500)} {
		got := safeName(name)
		assert.LessOrEqual(t, len(got), maxName)
		assert.Equal(t, strings.HasSuffix(name, ".yaml"), strings.HasSuffix(got, ".yaml"))
	}
}

func TestNamesThatCollideAreToldApart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	names := safeNames(map[string][]byte{
		"a/b.yaml": nil, "a_b.yaml": nil, `a\b.yaml`: nil, "A_B.yaml": nil,
		"": nil, "config.yaml": nil, "..": nil, long + "1": nil, long + "2": nil,
	})
	assert.Equal(t, "config.yaml", names["config.yaml"], "a safe name does not give way to one made safe")
	seen := map[string]bool{}
	for _, name := range names {
		assert.False(t, seen[strings.ToLower(name)], name)
		assert.LessOrEqual(t, len(name), maxName)
		seen[strings.ToLower(name)] = true
	}
	assert.Equal(t, names, safeNames(map[string][]byte{
		"..": nil, long + "2": nil, long + "1": nil, "config.yaml": nil, "": nil,
		"A_B.yaml": nil, `a\b.yaml`: nil, "a_b.yaml": nil, "a/b.yaml": nil,
	}), "the same names every time")
}

func FuzzSafeName(f *testing.F) {
	for _, name := range []string{"", "..", "a/b", ".\x00", strings.Repeat("ü", 200)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := safeName(name)
		assert.True(t, filepath.IsLocal(got), got)
		assert.Equal(t, filepath.Base(got), got)
		assert.NotContains(t, got, "\x00")
		assert.NotEqual(t, byte('.'), got[0])
		assert.LessOrEqual(t, len(got), maxName)
		assert.Equal(t, got, safeName(got))
	})
}

func TestACandidateThatWasOvertakenIsThereForAWhile(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	for _, c := range []string{"c1", "c2", "c3", "c4"} {
		_, err := s.WriteCandidate(c, []byte(c))
		require.NoError(t, err)
	}
	_, err := s.Promote("c1")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Promote("c2")
	require.NoError(t, err)
	body, err := s.Effective()
	require.NoError(t, err)
	assert.Equal(t, "c2", string(body))
}

func TestAnOvertakenOfferTakesNoGoodVerdictBack(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	sha, err := s.PutBlob([]byte("body"))
	require.NoError(t, err)
	require.NoError(t, s.Record(Verdict{Offer: "a", Body: sha, Good: true}))
	require.NoError(t, s.Record(Verdict{Offer: "a", Body: sha, Kind: KindSuperseded}))
	assert.Len(t, s.Good(1), 1)
}

func TestWhatIsEffectiveIsWrittenAgainWhenItsFileIsGone(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	_, err := s.WriteCandidate("c1", []byte("telemetry flows"))
	require.NoError(t, err)
	_, err = s.Promote("c1")
	require.NoError(t, err)
	for _, spoil := range []func(path string) error{os.Remove, func(path string) error { return os.Truncate(path, 0) }} {
		require.NoError(t, spoil(s.Path(effectiveName)))
		_, err = s.Promote("c1")
		require.NoError(t, err)
		body, err := s.Effective()
		require.NoError(t, err)
		assert.Equal(t, "telemetry flows", string(body))
	}
}
