package trust

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRevocationsAreOneALine(t *testing.T) {
	t.Parallel()
	r, err := parseRevocations([]byte("# of 2026\n\n key:release-2025 # lost\r\nsha256:" + hashOf(otherFile) + "\nfloor:7\nfloor: 9\nfloor:8"))
	require.NoError(t, err)
	assert.True(t, r.key("release-2025"))
	assert.True(t, r.key("0011223344556677 release-2025"))
	assert.True(t, r.hashes[hashOf(otherFile)])
	assert.EqualValues(t, 9, r.floor)
}

func TestAWrongRevocationIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"sha256:abc", "key:", "key:a b", "floor:-1", "floor:x", "0011", "hash:11"} {
		_, err := parseRevocations([]byte("# comment\n" + line))
		assert.ErrorContains(t, err, "line 2: ", line)
	}
}

func TestAskedLaterOfWhatWasInstalled(t *testing.T) {
	t.Parallel()
	key := private(signer).ID()
	trusted := newHost(vector{host: func(h *host) { h.settings.RevocationsFile = "revoked-key.txt" }}).load(t)
	state := State{Floor: 10}
	for name, c := range map[string]struct {
		sha     string
		signers []string
		index   int64
		want    string
	}{
		"good":                    {hashOf(otherFile), []string{private(second).ID()}, 15, ""},
		"signed by a revoked key": {hashOf(otherFile), []string{key}, 15, checkRevokedKey},
		"under another name":      {hashOf(otherFile), []string{"laptop " + key}, 15, checkRevokedKey},
		"one of two":              {hashOf(otherFile), []string{key, private(second).ID()}, 15, ""},
		"below the floor":         {hashOf(otherFile), nil, 9, checkFloor},
		"of no index":             {hashOf(otherFile), nil, 0, ""},
	} {
		err := trusted.Revoked(c.sha, c.signers, c.index, state)
		if c.want == "" {
			assert.NoError(t, err, name)
			continue
		}
		assert.ErrorContains(t, err, "("+c.want+")", name)
	}
}

func TestAHigherThresholdRevokesNothing(t *testing.T) {
	t.Parallel()
	trusted := newHost(vector{host: twoNeeded()}).load(t)
	assert.NoError(t, trusted.Revoked(hashOf(otherFile), []string{private(signer).ID()}, 15, State{}))
}

func TestARootKeyThatTheLocalFileRevokesSignsNoList(t *testing.T) {
	t.Parallel()
	h := newHost(vector{host: func(h *host) {
		h.settings.Roots = []Root{{Kind: KindKey, File: "second.pub"}, {Kind: KindRoot, File: "signer.pub"}}
		h.settings.RevocationsFile = "revoked-key.txt"
	}})
	assert.Empty(t, h.load(t).roots)
}
