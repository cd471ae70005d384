package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// list writes and signs a key list.
func (p publisher) list(t *testing.T, name string, more ...string) string {
	t.Helper()
	path := p.path(name)
	p.do(t, append(append([]string{"package", "keylist", "new"}, more...), path)...)
	return p.do(t, "package", "keylist", "sign", "--key", p.path("root.key"), path)
}

func TestAKeyListMakesASigningKeyKnown(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "root", "ci")
	out := p.list(t, "list", "--add-key", "ci="+p.path("ci.pub"), "--range", "ci=10-")
	assert.Contains(t, out, "ci, index 10 on")
	_, err := p.sign(t, "ci", "--keylist", p.path("list.sig"))
	require.NoError(t, err)
	out, err = p.check(t, p.trusting("root", "root"))
	require.NoError(t, err)
	assert.Contains(t, out, "signed by ci ")
}

func TestAKeyListComesByALocalFileToo(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "root", "ci")
	p.list(t, "list", "--add-key", "ci="+p.path("ci.pub"))
	_, err := p.sign(t, "ci")
	require.NoError(t, err)
	_, err = p.check(t, p.trusting("root", "root"))
	require.ErrorContains(t, err, "no key list is known")
	_, err = p.check(t, p.trusting("root", "root"), "--keylist", p.path("list.sig"))
	assert.NoError(t, err)
}

func TestTheNextKeyListCarriesOn(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "root", "old", "new", "lost")
	p.list(t, "one", "--add-key", "old="+p.path("old.pub"), "--add-key", "lost="+p.path("lost.pub"))
	out := p.list(t, "two", "--from", p.path("one.sig"), "--add-key", "new="+p.path("new.pub"), "--range", "new=15-", "--range", "old=1-14",
		"--drop-key", "lost", "--revoke-key", "lost", "--revoke-hash", strings.Repeat("ab", 32), "--floor", "7")
	for _, word := range []string{"number 2", "old, index 1 to 14", "new, index 15 on", "key lost", "archive abab", "floor        7"} {
		assert.Contains(t, out, word)
	}
	assert.NotContains(t, out, "lost, index")
	out = p.do(t, "package", "keylist", "show", p.path("two"))
	assert.Contains(t, out, "nobody yet")
}

func TestTwoRootsSignOneList(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "root", "second", "ci")
	p.list(t, "list", "--add-key", "ci="+p.path("ci.pub"))
	_, err := run(t, "package", "keylist", "sign", "--key", p.path("second.key"), p.path("list"))
	require.ErrorContains(t, err, "is there already")
	p.do(t, "package", "keylist", "sign", "--add", "--key", p.path("second.key"), p.path("list"))
	assert.Len(t, p.claims(t, "list.sig").KeyList.KeyIDs, 2)

	text, err := os.ReadFile(p.path("list"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.path("list"), []byte(strings.Replace(string(text), `"number": 1`, `"number": 9`, 1)), 0o600))
	_, err = run(t, "package", "keylist", "sign", "--add", "--key", p.path("ci.key"), p.path("list"))
	assert.ErrorContains(t, err, "says something else")
}

func TestWrongUseOfKeylistIsSaid(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "root", "ci")
	p.list(t, "list", "--add-key", "ci="+p.path("ci.pub"), "--number", "5")
	for want, args := range map[string][]string{
		"hosts take no lower one": {"--from", p.path("list"), "--number", "5"},
		"write ID=FILE":           {"--add-key", p.path("ci.pub")},
		"write ID=FROM-UNTIL":     {"--range", "ci=7"},
		"no range of indexes":     {"--from", p.path("list"), "--range", "ci=x-"},
		"the list has no key b":   {"--range", "b=7-"},
		"has no such key":         {"--drop-key", "b"},
	} {
		_, err := run(t, append(append([]string{"package", "keylist", "new"}, args...), p.path("next"))...)
		assert.ErrorContains(t, err, want)
		assert.Equal(t, exitUsage, codeOf(err), want)
	}
	_, err := run(t, "package", "keylist", "new", "--revoke-hash", "12", p.path("next"))
	require.ErrorContains(t, err, "hosts would not take the list")
	_, err = run(t, "package", "keylist", "show", p.path("ci.pub"))
	require.ErrorContains(t, err, "it is no key list")
	_, err = p.sign(t, "ci")
	require.NoError(t, err)
	_, err = run(t, "package", "keylist", "show", p.path("release.sig"))
	assert.ErrorContains(t, err, "not a key list")
}
