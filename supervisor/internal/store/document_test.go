package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

type testState struct {
	UID  string            `json:"uid"`
	Runs int               `json:"runs"`
	Tags map[string]string `json:"tags,omitempty"`
}

// openStore is a Store in dir that is closed with the test.
func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, incidents, err := Open(dir, Options{})
	require.NoError(t, err)
	require.Empty(t, incidents)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStateIsLoadedAsItWasSaved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := testState{UID: "<&>\u2028", Runs: 3, Tags: map[string]string{"a": "b"}}
	first := openStore(t, dir)
	require.NoError(t, first.SaveState(want))
	require.NoError(t, first.Close())

	var got testState
	found, err := openStore(t, dir).LoadState(&got)
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, want, got)
}

func TestStateIsReadableForPeopleAndForNobodyElse(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.NoError(t, s.SaveState(testState{UID: "x", Runs: 1}))
	body, err := os.ReadFile(s.Path("state.json"))
	require.NoError(t, err)
	assert.Contains(t, string(body), "\n    \"uid\": \"x\",\n")
	info, err := os.Stat(s.Path("state.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestStateMayBeReindentedByHand(t *testing.T) {
	t.Parallel()
	body, err := disk.EncodeDocument(testState{UID: "x"})
	require.NoError(t, err)
	var v testState
	require.NoError(t, disk.DecodeDocument([]byte(strings.ReplaceAll(string(body), "  ", "\t")), &v))
	assert.Equal(t, "x", v.UID)
}

func TestNoStateIsNoError(t *testing.T) {
	t.Parallel()
	v := testState{UID: "default"}
	found, err := openStore(t, t.TempDir()).LoadState(&v)
	require.NoError(t, err)
	assert.False(t, found)
	assert.Equal(t, "default", v.UID)
}

func TestADamagedStateIsMovedAsideReportedAndTakenForAbsent(t *testing.T) {
	t.Parallel()
	sound, err := disk.EncodeDocument(testState{UID: "x", Runs: 1})
	require.NoError(t, err)
	cases := map[string]struct{ body, reason string }{
		"empty (W13)":        {"", "empty"},
		"torn":               {string(sound[:len(sound)/2]), "torn"},
		"zeros":              {strings.Repeat("\x00", 512), "torn or foreign"},
		"foreign":            {"instance_id: 0198\n", "torn or foreign"},
		"foreign JSON":       {`{"uid":"x"}`, "torn or foreign"},
		"another type":       {`[1]`, "torn or foreign"},
		"a flipped bit":      {strings.Replace(string(sound), `"x"`, `"y"`, 1), "checksum"},
		"without a checksum": {strings.Replace(string(sound), `"sha256"`, `"sha257"`, 1), "checksum"},
		"two documents":      {string(sound) + string(sound), "torn or foreign"},
		"of a later version": {strings.Replace(string(sound), `"version": 1`, `"version": 2`, 1), "newer opampd"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "state.json"), []byte(c.body), 0o600))
			s, incidents, err := Open(dir, Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })

			require.Len(t, incidents, 1)
			assert.Equal(t, "state.json", incidents[0].File)
			assert.Contains(t, incidents[0].Reason, c.reason)
			kept, err := os.ReadFile(incidents[0].MovedTo)
			require.NoError(t, err)
			assert.Equal(t, c.body, string(kept))
			var v testState
			found, err := s.LoadState(&v)
			require.NoError(t, err)
			assert.False(t, found)
			require.NoError(t, s.SaveState(testState{UID: "new"}))
		})
	}
}

func TestAStateOfAnotherFormLeavesTheTargetAlone(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.NoError(t, s.SaveState(map[string]any{"uid": "half", "runs": "not a number"}))
	v := testState{UID: "default"}
	found, err := s.LoadState(&v)
	require.NoError(t, err)
	assert.False(t, found)
	assert.Equal(t, testState{UID: "default"}, v)
	require.Len(t, s.Incidents(), 1)
	assert.Empty(t, s.Incidents(), "an incident is told once")
}

func TestLoadingIntoNoPointerIsAnErrorAndNotAPanic(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	for _, v := range []any{nil, testState{}, (*testState)(nil)} {
		_, err := s.LoadState(v)
		assert.ErrorContains(t, err, "pointer")
	}
}

func TestWhatCannotBeEncodedIsNotSaved(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.NoError(t, s.SaveState(1))
	require.ErrorContains(t, s.SaveState(make(chan int)), "state.json")
	var v int
	found, err := s.LoadState(&v)
	require.NoError(t, err)
	assert.True(t, found)
}

func TestTheRunRecordComesAndGoes(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.NoError(t, s.RemoveRun(), "it may be absent")
	require.NoError(t, s.SaveRun(testState{Runs: 7}))
	var v testState
	found, err := s.LoadRun(&v)
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, 7, v.Runs)
	require.NoError(t, s.RemoveRun())
	found, err = s.LoadRun(&v)
	require.NoError(t, err)
	assert.False(t, found)
}

func TestOnlyAFewDamagedFilesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 6 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "state.json"), nil, 0o600))
		s, incidents, err := Open(dir, Options{})
		require.NoError(t, err)
		require.Len(t, incidents, 1)
		require.FileExists(t, incidents[0].MovedTo, "the newest is kept")
		require.NoError(t, s.Close())
	}
	kept, err := filepath.Glob(filepath.Join(dir, "state.json.corrupt-*"))
	require.NoError(t, err)
	assert.Len(t, kept, 3)
}

func FuzzLoadState(f *testing.F) {
	sound, err := disk.EncodeDocument(testState{UID: "x"})
	require.NoError(f, err)
	f.Add(sound)
	f.Add([]byte(`{"version":1,"sha256":"","state":null}`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		files := disk.Memory{stateName: body}
		var v testState
		_, err := newStore(files, "", Options{}).LoadState(&v)
		require.NoError(t, err, "whatever is in the file is survived")
	})
}

func TestAStateThatCouldNotBeReadBackIsNotSaved(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.NoError(t, s.SaveState("small"))
	require.ErrorContains(t, s.SaveState(strings.Repeat("x", disk.MaxFile)), "more than could be read back")
	assert.Equal(t, "truesmall", lookState(t, s))
}
