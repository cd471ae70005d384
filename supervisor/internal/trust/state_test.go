package trust

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcome tries a signature on a host that differs as given.
func outcome(t *testing.T, signature []byte, change func(*host)) (Verified, State, error) {
	t.Helper()
	return newHost(vector{signature: signature, host: change}).verify(t)
}

func TestAKeyListIsRemembered(t *testing.T) {
	t.Parallel()
	_, state, err := outcome(t, signed(statement(), keyList(root), listed), withRoot())
	require.NoError(t, err)
	assert.EqualValues(t, 5, state.Number)

	kept, err := json.Marshal(state)
	require.NoError(t, err)
	var read State
	require.NoError(t, json.Unmarshal(kept, &read))
	same := state == read // as whoever keeps it will ask
	assert.True(t, same, "what was kept is what was given")

	_, _, err = outcome(t, signed(statement(), nil, listed), withRoot(func(h *host) { h.state = read }))
	assert.NoError(t, err, "its keys are known without it")
}

func TestAKeyListHoldsEvenIfTheReleaseIsRefused(t *testing.T) {
	t.Parallel()
	_, state, err := outcome(t, signed(statement(func(s *Statement) { s.OS = "darwin" }), keyList(root), signer), withRoot())
	require.Error(t, err)
	assert.EqualValues(t, 5, state.Number)
	assert.Equal(t, at(time.April), state.SignedTime)
}

func TestTheTimeOfAStatementIsSeenWhenItIsAccepted(t *testing.T) {
	t.Parallel()
	_, state, err := outcome(t, signed(statement(), nil, signer), nil)
	require.NoError(t, err)
	assert.Equal(t, at(time.May), state.SignedTime)

	_, state, err = outcome(t, signed(statement(func(s *Statement) { s.OS = "darwin" }), nil, signer), nil)
	require.Error(t, err)
	assert.Zero(t, state)
}

func TestAClockBehindNotBeforeIsNoReasonToRefuse(t *testing.T) {
	t.Parallel()
	_, _, err := outcome(t, signed(statement(), nil, signer), func(h *host) { h.request.Host.Now = time.Unix(0, 0) })
	assert.NoError(t, err)
}

func TestAClockThatIsBehindDoesNotExtendAPermit(t *testing.T) {
	t.Parallel()
	_, _, err := outcome(t, signed(statement(older, permit(14, 14, at(time.April), "")), nil, signer), func(h *host) { h.request.Host.Now = time.Unix(0, 0) })
	assert.ErrorContains(t, err, checkPermitExpired, "the statement itself is younger")
}

// A new release that fails must be able to make way for the one before it, which is below
// the floor that the new one asks for.
func TestTheFloorRisesOnlyWhenTheReleaseIsInstalled(t *testing.T) {
	t.Parallel()
	h := newHost(vector{signature: signed(statement(func(s *Statement) { s.Floor = 15 }), nil, signer)})
	verified, state, err := h.verify(t)
	require.NoError(t, err)
	assert.Zero(t, state.Floor)
	require.NoError(t, h.load(t).Revoked(hashOf(otherFile), nil, installed, state))

	state = state.Installed(verified)
	assert.EqualValues(t, 15, state.Floor)
	assert.ErrorContains(t, h.load(t).Revoked(hashOf(otherFile), nil, installed, state), "below the security floor 15")
	assert.EqualValues(t, 15, state.Installed(Verified{Statement: &Statement{Floor: 3}}).Floor, "it never sinks")
}

func TestAnOlderLocalKeyListGivesWayToTheOneThatWasSeen(t *testing.T) {
	t.Parallel()
	h := newHost(vector{signature: signed(statement(), nil, listed), host: withRoot(remembers(keyList(root)))})
	trusted := h.load(t)
	var err error
	trusted.list, err = trusted.believe(keyList(root, numbered(4), func(l *KeyList) { l.Keys = nil }))
	require.NoError(t, err)
	l, state, err := trusted.lists(h.state, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 5, l.Number)
	assert.EqualValues(t, 5, state.Number)
}

func TestANewerLocalKeyListIsTaken(t *testing.T) {
	t.Parallel()
	h := newHost(vector{host: withRoot(remembers(keyList(root)))})
	trusted := h.load(t)
	var err error
	trusted.list, err = trusted.believe(keyList(root, numbered(6)))
	require.NoError(t, err)
	_, state, err := trusted.lists(h.state, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 6, state.Number)

	_, _, err = trusted.lists(h.state, keyList(root)) // which is what the state has, but no more what was seen
	assert.ErrorContains(t, err, checkKeyListNumber)
}

func TestWhatAFormerRootRevokedStaysRevoked(t *testing.T) {
	t.Parallel()
	former := keyList(oldRoot, func(l *KeyList) { l.RevokedHashes = []string{hashOf(releaseFile)} })
	_, _, err := outcome(t, signed(statement(), nil, signer), withRoot(remembers(former)))
	assert.ErrorContains(t, err, checkRevokedHash)
}

func TestTheSameListSignedAnewByTheRootOfTodayIsBelieved(t *testing.T) {
	t.Parallel()
	_, state, err := outcome(t, signed(statement(), keyList(root), listed), withRoot(remembers(keyList(oldRoot))))
	require.NoError(t, err)
	assert.EqualValues(t, 5, state.Number)
}

func TestADamagedListInTheStateIsRefused(t *testing.T) {
	t.Parallel()
	_, _, err := outcome(t, signed(statement(), nil, signer), withRoot(remembers([]byte("{"))))
	assert.ErrorContains(t, err, checkKeyList)
}

func TestAKeyListNobodyCanVerifyIsIgnored(t *testing.T) {
	t.Parallel()
	_, state, err := outcome(t, signed(statement(), keyList(root), signer), nil)
	require.NoError(t, err, "this host has no root keys")
	assert.Zero(t, state.Number)
}
