package upgrade

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/download"
	"opampd/supervisor/internal/release"
	"opampd/supervisor/internal/remotepackage"
	"opampd/supervisor/internal/trust"
)

// bench is a lane on a real directory.
type bench struct {
	*Lane
	shop   *shop
	blobs  map[string][]byte
	events chan core.Event
	warned []string
	free   uint64
}

func newBench(t *testing.T, versions ...string) *bench {
	t.Helper()
	dir, err := disk.Open(filepath.Join(t.TempDir(), "packages"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = dir.Close() })
	releases, _, err := release.Open(dir, dir.Name())
	require.NoError(t, err)
	b := &bench{shop: open(t, versions...), blobs: map[string][]byte{}, events: make(chan core.Event, 100), free: 1 << 40}
	b.Lane = New(Settings{
		Releases: releases, Trust: b.shop.trust, Now: time.Now,
		Blob: func(sha string) ([]byte, error) { return b.blobs[sha], nil },
		Bad:  func(string) (string, bool) { return "", false }, Words: func() []byte { return []byte("last words") },
		Free:     func() (uint64, error) { return b.free, nil },
		Download: download.Settings{AllowHTTP: true, Attempts: 1, RetryMin: time.Millisecond, RetryMax: time.Millisecond, StallTimeout: time.Minute},
		Limits:   Limits{Program: "otelcol", MaxSize: 1 << 20, MaxUnpacked: 1 << 20, Keep: 1},
		Host:     trust.Host{OS: "linux", Arch: "amd64", Package: "otelcol"},
		Post:     func(ev core.Event) { b.events <- ev },
		Warn:     func(message string) { b.warned = append(b.warned, message) },
	})
	t.Cleanup(b.Wait)
	return b
}

// offer is an offer of a version, changed by change.
func (b *bench) offer(t *testing.T, version string, change func(*remotepackage.File)) core.PackageOffer {
	t.Helper()
	p := b.shop.packages[version]
	if change != nil {
		change(&p.file)
	}
	body, err := remotepackage.Encode(p.file)
	require.NoError(t, err)
	name := version + p.file.URL
	b.blobs[name] = body
	return core.PackageOffer{Version: version, Hash: "aa", Content: p.content, Body: name}
}

func (b *bench) next(t *testing.T) core.Event {
	t.Helper()
	select {
	case ev := <-b.events:
		return ev
	case <-time.After(time.Minute):
		require.Fail(t, "nothing happens")
		return nil
	}
}

// failed carries out a fetch that comes to nothing.
func (b *bench) failed(t *testing.T, o core.PackageOffer) core.FetchFailed {
	t.Helper()
	b.Run(t.Context(), core.Fetch{Attempt: 3, Offer: o})
	for {
		switch ev := b.next(t).(type) {
		case core.Fetching:
		case core.FetchFailed:
			assert.Equal(t, uint64(3), ev.Attempt)
			return ev
		default:
			require.Fail(t, "not a failure", "%+v", ev)
		}
	}
}

func (b *bench) fetched(t *testing.T, o core.PackageOffer) core.Release {
	t.Helper()
	b.Run(t.Context(), core.Fetch{Attempt: 3, Offer: o})
	for {
		switch ev := b.next(t).(type) {
		case core.Fetching:
		case core.Fetched:
			return ev.Release
		default:
			require.Fail(t, "not fetched", "%+v", ev)
		}
	}
}

// served is a download server with the file of a version.
func (b *bench) served(t *testing.T, version string) (url string, requests *int) {
	t.Helper()
	requests = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		http.ServeFile(w, r, b.shop.packages[version].file.Path)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/p", requests
}

func TestPackageIsFetchedVerifiedAndUnpacked(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	url, _ := b.served(t, "1")
	o := b.offer(t, "1", func(f *remotepackage.File) { f.URL, f.Path = url, "" })
	assert.Equal(t, core.Release{ID: o.Content, Version: "1", Hash: "aa"}, b.fetched(t, o))
	rec, err := b.Releases.Load(o.Content)
	require.NoError(t, err)
	assert.Equal(t, int64(1), rec.Index)
	assert.Len(t, rec.Signers, 1)
	require.NoError(t, b.Releases.Sound(o.Content))
	current, err := b.Releases.Current()
	require.NoError(t, err)
	assert.Empty(t, current, "nothing is switched to before the core says so")
}

func TestFileThatIsNotWhatWasOfferedIsThrownAway(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1", "2")
	url, requests := b.served(t, "2")
	ev := b.failed(t, b.offer(t, "1", func(f *remotepackage.File) { f.URL, f.Path = url, "" }))
	assert.Equal(t, core.KindBinary, ev.Kind, "the same offer fails again")
	assert.Contains(t, ev.Reason, "was offered as its content_hash")
	assert.Equal(t, 1, *requests)
}

func TestPackageThatNobodyMayHavePublishedIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1", "2")
	other := b.shop.packages["2"].file.Signature
	for words, signature := range map[string][]byte{"refused": other, "not signed": nil} {
		ev := b.failed(t, b.offer(t, "1", func(f *remotepackage.File) { f.Signature = signature }))
		assert.Equal(t, core.KindBinary, ev.Kind)
		assert.Contains(t, ev.Reason, words)
	}
	list, err := b.Releases.List()
	require.NoError(t, err)
	assert.Empty(t, list, "it was not even unpacked")
	b.Trust, b.Distrust = nil, errors.New("packages.trust names nobody")
	assert.Contains(t, b.failed(t, b.offer(t, "1", nil)).Reason, "packages.trust names nobody")
}

func TestOlderReleaseNeedsPermissionUnlessAnOperatorAsks(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1", "2")
	newest := b.fetched(t, b.offer(t, "2", nil))
	b.Run(t.Context(), core.Select{Release: newest.ID})
	assert.Equal(t, core.Selected{Release: newest.ID}, b.next(t))
	old := b.offer(t, "1", nil)
	assert.Contains(t, b.failed(t, old).Reason, "index")
	old.Manual = true
	assert.Equal(t, old.Content, b.fetched(t, old).ID)
}

func TestReleaseBeforeIsThereAlready(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1", "2")
	first, second := b.fetched(t, b.offer(t, "1", nil)), b.fetched(t, b.offer(t, "2", nil))
	b.Run(t.Context(), core.Select{Release: second.ID, Previous: first.ID})
	b.next(t)
	o := b.offer(t, "1", func(f *remotepackage.File) { f.Path = "/nonexistent" })
	assert.Equal(t, first.ID, b.fetched(t, o).ID, "it is gone back to without asking anyone")
}

func TestReleaseThatFailedBeforeIsRefusedUnlessAnOperatorAsks(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	b.Bad = func(string) (string, bool) { return "it crashed", true }
	o := b.offer(t, "1", nil)
	ev := b.failed(t, o)
	assert.Contains(t, ev.Reason, "failed here before")
	assert.Contains(t, ev.Reason, "it crashed")
	assert.Equal(t, core.KindBinary, ev.Kind, "the verdict is in the ledger already")
	o.Manual = true
	b.fetched(t, o)
}

func TestPackageThatIsNoProgramForThisHostIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	b.Limits.MaxUnpacked = 100
	ev := b.failed(t, b.offer(t, "1", nil))
	assert.Equal(t, core.KindBinary, ev.Kind)
	assert.Contains(t, ev.Reason, "package refused")
}

func TestRoomIsLookedForBeforeTheDownload(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	url, _ := b.served(t, "1")
	b.free = 1 << 20
	ev := b.failed(t, b.offer(t, "1", func(f *remotepackage.File) { f.URL, f.Path = url, "" }))
	assert.Equal(t, core.KindWorld, ev.Kind, "room may be made")
	assert.Contains(t, ev.Reason, "make room")
}

func TestDownloadServerThatIsAwayIsTheWorldsFault(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	ev := b.failed(t, b.offer(t, "1", func(f *remotepackage.File) { f.URL, f.Path = "http://127.0.0.1:1/p", "" }))
	assert.Equal(t, core.KindWorld, ev.Kind)
	ev = b.failed(t, b.offer(t, "1", func(f *remotepackage.File) { f.URL, f.Path = "ftp://127.0.0.1/p", "" }))
	assert.Equal(t, core.KindBinary, ev.Kind)
}

func TestAbandonedFetchSaysNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1", "2")
	asked := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	b.Run(t.Context(), core.Fetch{Attempt: 1, Offer: b.offer(t, "1", func(f *remotepackage.File) { f.URL, f.Path = silent.URL, "" })})
	<-asked
	b.Run(t.Context(), core.Abandon{Attempt: 1})
	b.Run(t.Context(), core.Fetch{Attempt: 2, Offer: b.offer(t, "2", nil)})
	ev, ok := b.next(t).(core.Fetched)
	require.True(t, ok)
	assert.Equal(t, uint64(2), ev.Attempt)
}

func TestFetchEndsWithTheDaemon(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	asked := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	ctx, cancel := context.WithCancel(t.Context())
	b.Run(ctx, core.Fetch{Attempt: 1, Offer: b.offer(t, "1", func(f *remotepackage.File) { f.URL, f.Path = silent.URL, "" })})
	<-asked
	cancel()
	b.Wait()
	assert.Empty(t, b.events)
}

func TestDamagedReleaseIsNotSelected(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	r := b.fetched(t, b.offer(t, "1", nil))
	rec, err := b.Releases.Load(r.ID)
	require.NoError(t, err)
	path := b.Releases.Path(rec)
	require.NoError(t, os.Chmod(path, 0o700))
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	body[100]++
	require.NoError(t, os.WriteFile(path, body, 0o700))
	b.Run(t.Context(), core.Select{Release: r.ID})
	ev, ok := b.next(t).(core.SelectFailed)
	require.True(t, ok)
	assert.True(t, ev.Refused)
	assert.Contains(t, ev.Reason, "changed or damaged")
}

func TestLastWordsOfAReleaseThatFailedAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	r := b.fetched(t, b.offer(t, "1", nil))
	b.Run(t.Context(), core.Select{Failed: r.ID})
	assert.Equal(t, core.Selected{}, b.next(t))
	assert.Empty(t, b.warned)
}
