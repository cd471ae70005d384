package upgrade

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/release"
)

func TestGoingBackDoesNotNeedTheReleaseBeforeTheOneBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1", "2", "3")
	first, second, third := b.fetched(t, b.offer(t, "1", nil)), b.fetched(t, b.offer(t, "2", nil)), b.fetched(t, b.offer(t, "3", nil))
	b.Run(t.Context(), core.Select{Release: third.ID, Previous: second.ID})
	b.next(t)
	rec, err := b.Releases.Load(first.ID)
	require.NoError(t, err)
	require.NoError(t, os.Rename(filepath.Dir(b.Releases.Path(rec)), filepath.Join(t.TempDir(), "gone"))) // cleaned away for others that came later

	b.Run(t.Context(), core.Select{Release: second.ID, Previous: first.ID, Failed: third.ID})

	assert.Equal(t, core.Selected{Release: second.ID}, b.next(t))
	previous, err := b.Releases.Previous()
	require.NoError(t, err)
	assert.Empty(t, previous)
}

func TestFloorThatACrashLeftBehindIsKeptAtTheNextStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, "1")
	id := strings.Repeat("a", 64)
	require.NoError(t, b.Releases.Install(release.Record{Archive: id, Program: "otelcol", Index: 8, Floor: 7}, func(w io.Writer) error {
		_, err := w.Write([]byte("program"))
		return err
	}))
	require.NoError(t, b.Releases.Select(id, ""))
	floor := func() int64 {
		s, err := b.trustState()
		require.NoError(t, err)
		return s.Floor
	}

	b.Look(false)
	assert.Zero(t, floor(), "it is watched, and may have to make way for the one before")
	b.Look(true)
	assert.Equal(t, int64(7), floor())
}
