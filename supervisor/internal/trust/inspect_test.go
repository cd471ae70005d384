package trust

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInspectTellsWhatIsClaimed(t *testing.T) {
	t.Parallel()
	claims, err := Inspect(signed(statement(), keyList(root), stranger))
	require.NoError(t, err)
	assert.Equal(t, statement(), *claims.Statement)
	assert.Equal(t, []string{private(root).ID()}, claims.KeyList.KeyIDs)

	claims, err = Inspect(keyList(root))
	require.NoError(t, err)
	assert.Nil(t, claims.Statement)
	assert.Len(t, claims.KeyList.Keys, 2)

	claims, err = Inspect(minisigned(signer, releaseFile, comment))
	require.NoError(t, err)
	assert.EqualValues(t, 15, claims.Statement.Index)
	assert.Empty(t, claims.Statement.SHA256)

	claims, err = Inspect(bundle(releaseFile))
	require.NoError(t, err)
	assert.Equal(t, FormatSigstore, claims.Format)
}

func TestTheTableOfRefusalsHasTheCodesOfTheCode(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("refusal.go")
	require.NoError(t, err)
	all := func(pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(source), -1) {
			found = append(found, m[1])
		}
		return found
	}
	assert.Equal(t, all(`(?m)^\tcheck\w+ += "([a-z-]+)"`), all(`(?m)^//\t([a-z-]+)  `))
}

func TestEachCodeOfARefusalHasAVector(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("refusal.go")
	require.NoError(t, err)
	tried := map[string]bool{checkSize: true} // which would be a large file: see below
	for _, v := range vectors() {
		tried[v.want] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^\tcheck\w+ += "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		assert.True(t, tried[m[1]], m[1])
	}
}

func TestALargeSignatureIsNotRead(t *testing.T) {
	t.Parallel()
	padded := append(signed(statement(), nil, signer), bytes.Repeat([]byte(" "), maxSignature)...)
	_, _, err := outcome(t, padded, nil)
	assert.ErrorContains(t, err, "("+checkSize+")")
}

func TestWhatWasAcceptedSaysHowMuchWasChecked(t *testing.T) {
	t.Parallel()
	by := func(name string) Verified {
		for _, v := range vectors() {
			if v.name == name {
				verified, _, err := newHost(v).verify(t)
				require.NoError(t, err)
				return verified
			}
		}
		t.Fatal(name)
		return Verified{}
	}
	v := by("good-two-keys")
	assert.Equal(t, FormatEnvelope, v.Format)
	assert.Equal(t, []string{private(signer).ID(), private(second).ID()}, v.Signers)
	assert.False(t, v.BytesOnly || v.HashOnly)
	v = by("good-keylist")
	assert.Equal(t, []string{"release-2026 " + private(listed).ID()}, v.Signers)
	v = by("good-minisign-bytes-only")
	assert.True(t, v.BytesOnly)
	assert.Nil(t, v.Statement)
	v = by("good-sigstore")
	assert.True(t, v.BytesOnly)
	assert.Equal(t, []string{"ci@example.com"}, v.Signers)
	v = by("hash-only")
	assert.True(t, v.HashOnly)
	assert.Contains(t, v.Checks[2].Outcome, "NOT CHECKED")
	assert.Equal(t, "permit", by("good-permit").Downgrade)
	assert.Equal(t, "approved", by("good-approved").Downgrade)
}

func TestHashOnlyStillVerifiesWhatIsSigned(t *testing.T) {
	t.Parallel()
	hashOnly := func(h *host) { h.settings.Policy.HashOnly = true }
	_, _, err := outcome(t, signed(statement(), nil, stranger), hashOnly)
	require.ErrorContains(t, err, "("+checkKey+")")
	v, _, err := outcome(t, bundle(releaseFile), hashOnly) // of which kind there is no root
	require.NoError(t, err)
	assert.True(t, v.HashOnly)
	_, _, err = outcome(t, []byte("what is this"), hashOnly)
	assert.ErrorContains(t, err, "("+checkFormat+")")
}

func TestAnyDowngradeNeedsNoPermit(t *testing.T) {
	t.Parallel()
	v, _, err := outcome(t, signed(statement(older), nil, signer), func(h *host) { h.settings.Policy.AllowDowngrade = DowngradeAny })
	require.NoError(t, err)
	assert.Equal(t, "any", v.Downgrade)
}

func TestWhatCannotBeToldIsNoRefusal(t *testing.T) {
	t.Parallel()
	broken := func(h *host) {
		keyless()(h)
		h.settings.Sigstore = func(context.Context, SigstoreRequest) (SigstoreSigner, error) {
			return SigstoreSigner{}, errors.New("no such program")
		}
	}
	_, _, err := outcome(t, bundle(releaseFile), broken)
	require.ErrorContains(t, err, "no such program")
	var refusal *Refusal
	require.NotErrorAs(t, err, &refusal)

	gone := Archive{Open: func() (io.ReadCloser, error) { return nil, os.ErrNotExist }}
	signature := minisigned(signer, releaseFile, comment)
	trusted := newHost(vector{}).load(t)
	_, err = trusted.minisigned(must(parseMinisign(signature)), signature, gone)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestALegacySignatureOfALargeArchiveAsksForAnother(t *testing.T) {
	t.Parallel()
	signature := minisignedWhole(signer, nil, comment)
	_, err := newHost(vector{}).load(t).minisigned(must(parseMinisign(signature)), signature, Archive{Size: maxLegacy + 1})
	assert.ErrorContains(t, err, "minisign -H")
}

func TestWhatStrangersWroteIsShownEscapedAndShort(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `"\x1b[2J"`, quote("\x1b[2J"))
	assert.Less(t, len(quote(strings.Repeat("ä", 1000))), 100)
}
