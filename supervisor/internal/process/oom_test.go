//go:build linux

package process

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOutOfMemoryIsSeenInTheCountOfTheCgroup(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "memory.events")
	count := oomCounter{file: file}
	assert.False(t, count.grown(), "no memory controller")
	require.NoError(t, os.WriteFile(file, []byte("low 0\noom 1\noom_kill 1\noom_group_kill 0\n"), 0o600))
	assert.True(t, count.grown())
	count.kills = 1
	assert.False(t, count.grown(), "that one was before")
	assert.False(t, oomCounter{}.grown(), "no cgroup v2")
}
