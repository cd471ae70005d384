//go:build linux

package process

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAChildOfAProgramThatDiedTooEarlyIsFoundByItsToken(t *testing.T) {
	t.Parallel()
	p, err := Start(Spec{Path: "/bin/sleep", Argv: []string{"sleep", "60"}, Env: []string{"A=b", "TOKEN=4711-" + t.Name(), "C=d"}})
	require.NoError(t, err)
	t.Cleanup(func() { p.Kill(); <-p.Done() })
	r, err := WithEnvironment("TOKEN=4711-" + t.Name())
	require.NoError(t, err)
	assert.Equal(t, p.PID(), r.PID)
	_, err = WithEnvironment("TOKEN=4711")
	assert.ErrorIs(t, err, ErrGone)
}
