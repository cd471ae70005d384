package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestABadReleaseIsKnownUntilItTurnsOutGood(t *testing.T) {
	t.Parallel()
	s, _, err := Open(t.TempDir(), Options{})
	require.NoError(t, err)
	_, bad := s.BadRelease("r1")
	assert.False(t, bad)
	require.NoError(t, s.Record(Verdict{Package: true, Offer: "p1", Body: "r1", Kind: KindContent, Reason: "crashed"}))
	v, bad := s.BadRelease("r1")
	assert.True(t, bad)
	assert.Equal(t, "crashed", v.Reason)
	assert.Empty(t, s.Good(9))
	require.NoError(t, s.Record(Verdict{Package: true, Offer: "p1", Body: "r1", Good: true}))
	_, bad = s.BadRelease("r1")
	assert.False(t, bad)
	assert.Empty(t, s.Good(9), "a good release is no configuration to return to")
}

func TestManyConfigurationsDoNotForgetABadRelease(t *testing.T) {
	t.Parallel()
	verdicts := []Verdict{{Package: true, Body: "r1", Kind: KindContent}}
	for i := range 3 * keepRecent {
		verdicts = append(verdicts, Verdict{Offer: fmt.Sprint(i), Body: fmt.Sprint(i)})
	}
	assert.Equal(t, "r1", compact(verdicts, 5)[0].Body)
}
