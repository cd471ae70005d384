//go:build linux

package process

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAChildOfWhichNothingWasWrittenDownIsFoundByItsConfiguration(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/effective.yaml"
	p, err := Start(Spec{
		Path: "/bin/sh", Argv: []string{"sh", "-c", "read never; :", "--config", path, "--more"}, Env: []string{"TOKEN=secret"},
		Log: OpenLog(LogSettings{}),
	})
	require.NoError(t, err)
	t.Cleanup(func() { p.Kill(); <-p.Done() })
	<-p.Done()
	assert.Empty(t, Holding(path, "TOKEN"), "it has ended")
}
