package main

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
	"opampd/supervisor/internal/release"
)

// installed is a life with two releases, of which the second is selected.
func installed(t *testing.T) (l *life, current, previous string) {
	t.Helper()
	l, _ = loaded(t, "")
	l.openPackages()
	t.Cleanup(func() { _ = l.closePackages() })
	current, previous = strings.Repeat("c", 64), strings.Repeat("b", 64)
	for _, id := range []string{previous, current} {
		require.NoError(t, l.releases.Install(release.Record{Archive: id, Program: "otelcol", Version: id[:1]}, func(w io.Writer) error {
			_, err := w.Write([]byte(id))
			return err
		}))
	}
	require.NoError(t, l.releases.Select(current, previous))
	return l, current, previous
}

func TestTheReleaseBeforeTakesOverFromADamagedOne(t *testing.T) {
	t.Parallel()
	for _, damaged := range []string{"otelcol", "release.json"} {
		t.Run(damaged, func(t *testing.T) {
			t.Parallel()
			l, current, previous := installed(t)
			file := filepath.Join(packagesDir(l.config), current, damaged)
			require.NoError(t, os.Chmod(file, 0o700))
			require.NoError(t, os.WriteFile(file, []byte("x"), 0o700))
			require.NoError(t, l.closePackages())
			l.openPackages() // as the next life does

			has, before := l.selected()

			assert.Equal(t, previous, has.ID)
			assert.Equal(t, core.Release{}, before)
			link, err := l.releases.Current()
			require.NoError(t, err)
			assert.Equal(t, previous, link, "and it lasts")
		})
	}
}

func TestAServerThatNeverTiresOfPackagesDoesNotFillTheDisk(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	watch := &observer{log: l.log, sweep: l.sweep, settle: l.store.Settle}
	var s core.State
	for i := range 10 * sweepEvery {
		body, err := l.store.PutBlob([]byte(strconv.Itoa(i)))
		require.NoError(t, err)
		ev := core.PackagesOffered{Offer: core.PackageOffer{Content: "c", Body: body}}
		before := s
		s.Packages.Offer = ev.Offer
		watch.observe(engine.Transition{Event: ev, From: before, To: s})
	}

	kept, err := os.ReadDir(filepath.Join(l.config.Storage.Directory, "blobs"))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(kept), sweepEvery)
	_, err = l.store.Blob(s.Packages.Offer.Body)
	require.NoError(t, err, "what was offered last is there")
}
