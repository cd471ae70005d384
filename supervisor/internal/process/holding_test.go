//go:build linux

package process

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAChildOfWhichNothingWasWrittenDownIsFoundByItsConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "effective.yaml")
	p, err := Start(self("wait", "--config", path))
	require.NoError(t, err)
	t.Cleanup(func() { p.Kill(); <-p.Done() })

	assert.Equal(t, []Record{p.Record()}, Holding(path, childEnv))
	assert.Empty(t, Holding(path, "PROCESS_TEST"), "somebody else's, by hand")
	assert.Empty(t, Holding(filepath.Join(dir, "effective.yam"), childEnv))

	p.Kill()
	<-p.Done()
	assert.Empty(t, Holding(path, childEnv), "it has ended")
}

func TestAChildThatIsInAnotherPlaceOfTheSameNameIsNotOurs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gone", "effective.yaml")
	p, err := Start(self("wait", "--config", path))
	require.NoError(t, err)
	t.Cleanup(func() { p.Kill(); <-p.Done() })
	assert.Empty(t, Holding(path, childEnv), "there is no telling")
}
