package store

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestABlobIsReadAsItWasPut(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	for _, body := range []string{"", "receivers:\n", "\x00\xff"} {
		sha, err := s.PutBlob([]byte(body))
		require.NoError(t, err)
		got, err := s.Blob(sha)
		require.NoError(t, err)
		assert.Equal(t, body, string(got))
		assert.FileExists(t, s.Path("blobs", sha))
	}
}

func TestABlobThatIsThereIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	s := newCrashStore(disk)
	first, err := s.PutBlob([]byte("x"))
	require.NoError(t, err)
	disk.Count()
	second, err := s.PutBlob([]byte("x"))
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Empty(t, disk.Operations())
}

func TestADamagedBlobIsMovedAsideAndCanBePutAgain(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	sha, err := s.PutBlob([]byte("body"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.Path("blobs", sha), []byte("bodx"), 0o600))

	_, err = s.Blob(sha)
	require.ErrorContains(t, err, "damaged")
	incidents := s.Incidents()
	require.Len(t, incidents, 1)
	assert.FileExists(t, incidents[0].MovedTo)
	_, err = s.Blob(sha)
	require.ErrorIs(t, err, fs.ErrNotExist)

	_, err = s.PutBlob([]byte("body"))
	require.NoError(t, err)
	_, err = s.Blob(sha)
	assert.NoError(t, err)
}

func TestAHashFromOutsideNeverBecomesAPath(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	for _, sha := range []string{"", "../state.json", strings.Repeat("A", 64), strings.Repeat("a", 63) + "/", strings.Repeat("a", 65)} {
		_, err := s.Blob(sha)
		assert.ErrorContains(t, err, "not a SHA-256", sha)
	}
}

func TestSweepingLeavesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	shas := map[string]string{}
	for _, body := range []string{"good", "bad", "live", "stale"} {
		sha, err := s.PutBlob([]byte(body))
		require.NoError(t, err)
		shas[body] = sha
	}
	require.NoError(t, s.Record(Verdict{Offer: "1", Body: shas["good"], Good: true}))
	require.NoError(t, s.Record(Verdict{Offer: "2", Body: shas["bad"], Kind: KindContent}))
	require.NoError(t, s.Close())

	s = openStore(t, dir) // what was put by a former process is not waited for any more
	fresh, err := s.PutBlob([]byte("fresh"))
	require.NoError(t, err)
	require.NoError(t, s.SweepBlobs(func(sha string) bool { return sha == shas["live"] }))

	left, err := s.keeper.Files.List(blobDir)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{shas["good"], shas["live"], fresh}, left)
}

func TestSweepingWithoutAnythingLiveKeepsTheGenerations(t *testing.T) {
	t.Parallel()
	s, _, err := Open(t.TempDir(), Options{KeepConfigs: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for _, body := range []string{"1", "2", "3"} {
		sha, err := s.PutBlob([]byte(body))
		require.NoError(t, err)
		require.NoError(t, s.Record(Verdict{Offer: body, Body: sha, Good: true}))
	}
	require.NoError(t, s.SweepBlobs(nil))
	left, err := s.keeper.Files.List(blobDir)
	require.NoError(t, err)
	assert.Len(t, left, 2)
}
