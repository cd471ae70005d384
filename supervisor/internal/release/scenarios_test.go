package release

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// scenario is one act that a crash can interrupt.
type scenario struct {
	name    string
	arrange func(t *testing.T, r *Releases)
	act     func(r *Releases) error
}

func scenarios() []scenario {
	return []scenario{
		{name: "a download with one resume", arrange: nothing, act: func(r *Releases) error { return download(r, "etag", archive) }},
		{
			name: "a download of what has changed and grown meanwhile", arrange: downloaded(shorter),
			act: func(r *Releases) error { return download(r, "etag", archive) },
		},
		{
			name: "a download of what has changed and shrunk meanwhile", arrange: downloaded(longer),
			act: func(r *Releases) error { return download(r, "etag", archive) },
		},
		{name: "the first installation", arrange: nothing, act: func(r *Releases) error { return install(r, "a") }},
		{name: "another installation", arrange: installed("a", "b"), act: func(r *Releases) error { return install(r, "c") }},
		{name: "the first select", arrange: installed("a"), act: func(r *Releases) error { return r.Select(sha("a"), "") }},
		{
			name: "a select forward",
			arrange: func(t *testing.T, r *Releases) {
				t.Helper()
				installed("a", "b", "c")(t, r)
				require.NoError(t, r.Select(sha("b"), sha("a")))
			},
			act: func(r *Releases) error { return r.Select(sha("c"), sha("b")) },
		},
		{name: "a select back", arrange: selected("a"), act: func(r *Releases) error { return r.Select(sha("a"), sha("b")) }},
		{name: "a select back to the factory release", arrange: selected(""), act: func(r *Releases) error { return r.Select("", sha("b")) }},
		{name: "a select of nothing", arrange: selected("a"), act: func(r *Releases) error { return r.Select("", "") }},
		{
			name: "a clean",
			arrange: func(t *testing.T, r *Releases) {
				t.Helper()
				selected("a")(t, r)
				installed("c", "d", "e")(t, r)
				for _, name := range []string{"x", "y"} {
					p, err := r.Partial(sha(name))
					require.NoError(t, err)
					_, err = p.Write([]byte("part"))
					require.NoError(t, err)
					require.NoError(t, p.Close())
				}
				require.NoError(t, r.tree.Mkdir(buildDir))
				require.NoError(t, r.tree.Symlink("x", linkTemp))
			},
			act: func(r *Releases) error { _, err := r.Clean(1, sha("y")); return err },
		},
		{name: "a log", arrange: nothing, act: func(r *Releases) error { return r.KeepLog(sha("a"), []byte("panic")) }},
		{
			name:    "trust",
			arrange: func(t *testing.T, r *Releases) { t.Helper(); require.NoError(t, r.SaveTrust(1)) },
			act:     func(r *Releases) error { return r.SaveTrust(2) },
		},
	}
}

func nothing(*testing.T, *Releases) {}

func downloaded(body string) func(t *testing.T, r *Releases) {
	return func(t *testing.T, r *Releases) {
		t.Helper()
		require.NoError(t, download(r, "old", body))
	}
}

func installed(names ...string) func(t *testing.T, r *Releases) {
	return func(t *testing.T, r *Releases) {
		t.Helper()
		for _, name := range names {
			require.NoError(t, install(r, name))
		}
	}
}

// selected has a and b, and runs b.
func selected(previous string) func(t *testing.T, r *Releases) {
	return func(t *testing.T, r *Releases) {
		t.Helper()
		installed("a", "b")(t, r)
		require.NoError(t, r.Select(sha("b"), sha(previous)))
	}
}
