//go:build linux

package agent

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func TestCollectorOfWhichNoRecordTellsIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, _ := b.started(t)
	first.crash()
	require.NoError(t, b.Store.RemoveRun()) // a disk that lost it
	b.live(t, b.Settings, nil).do(core.Find{Run: 1})
	assert.Equal(t, core.NothingFound{Run: 1}, b.next(t))
	<-first.child.Done()
	assert.Contains(t, b.warned(), "lost sight of")
}

func TestWrapperThatHasBecomeTheCollectorIsAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	first, started := b.started(t)
	first.crash()
	r := first.run
	r.Process.Inode = 1 // of the shell that it was
	require.NoError(t, b.Store.SaveRun(r))
	assert.Equal(t, started.PID, b.adopted(t, b.live(t, b.Settings, nil)).PID)
}
