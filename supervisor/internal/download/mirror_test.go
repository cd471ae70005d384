package download

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

func TestMirrorsAreAskedFirstAndGetNoCredentials(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(100)
		home, first, second := n.host("files.test", content), n.host("one.test", nil), n.host("two.test", nil)
		first.Always(testkit.AnswerWith(404))
		second.Put("/base/of%20it"+path, testkit.DownloadFile{Body: content})
		second.Put("/base/of it"+path, testkit.DownloadFile{Body: content})
		r := request("files.test", content)
		r.URL += "?token=s3cret"
		r.Header = http.Header{"Authorization": {"s3cret"}}
		r.Mirrors = []string{"http://one.test/", "http://two.test/base/of%20it/?key=ours"}
		result, err := n.fetch(n.client(), r, &memory{})
		require.NoError(n.t, err)
		assert.Equal(n.t, "http://two.test/base/of%20it"+path, result.Source)
		assert.Equal(n.t, 2, result.Attempts)
		assert.Empty(n.t, home.Requests())
		for _, d := range append(first.Requests(), second.Requests()...) {
			assert.Empty(n.t, d.Header.Get("Authorization"))
			assert.NotContains(n.t, d.Query, "s3cret")
		}
		assert.Equal(n.t, path, first.Requests()[0].Path)
		assert.Equal(n.t, "key=ours", second.Requests()[0].Query)
	})
}

func TestAMirrorThatIsAwayCostsNoTime(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		n.host("files.test", body(100))
		r := request("files.test", body(100))
		r.Mirrors = []string{"http://away.test", "http://gone.test"}
		began := time.Now()
		_, err := n.fetch(n.client(), r, &memory{})
		require.NoError(n.t, err)
		assert.Zero(n.t, time.Since(began))
	})
}

func TestAnotherSourceGoesOnWhereTheFirstStopped(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(1000)
		home, mirror, p := n.host("files.test", content), n.host("mirror.test", content), &memory{}
		home.Put(path, testkit.DownloadFile{Body: content, ETag: `"other"`})
		mirror.Next(testkit.DropAt(900))
		mirror.Always(testkit.AnswerWith(410))
		r := request("files.test", content)
		r.Mirrors = []string{"http://mirror.test"}
		result, err := n.fetch(n.client(), r, p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.True(n.t, result.Resumed)
		assert.Equal(n.t, []string{"bytes=900-"}, home.Ranges())
		assert.Empty(n.t, home.Requests()[0].Header.Get("If-Range"), "the tag is of another server")
		assert.Equal(n.t, "bytes=900-", mirror.Ranges()[1], "the one that brought something is asked again first")
	})
}

func TestAMirrorWithAnotherFileIsPassedOver(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(1000)
		n.host("files.test", content)
		n.host("mirror.test", body(999))
		r := request("files.test", content)
		r.Mirrors = []string{"http://mirror.test"}
		_, err := n.fetch(n.client(), r, &memory{})
		require.NoError(n.t, err)
	})
}

func TestWhenNoSourceIsLeftEachIsNamed(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		home, mirror := n.host("files.test", nil), n.host("mirror.test", nil)
		home.Always(testkit.AnswerWith(404))
		r := request("files.test", body(1))
		r.Mirrors = []string{"http://mirror.test", "http://away.test"}
		mirror.Always(testkit.AnswerWith(403))
		_, err := n.fetch(n.client(), r, &memory{})
		e := requireError(n.t, err, World)
		assert.Equal(n.t, 404, e.Status)
		assert.Equal(n.t, 2+DefaultAttempts, e.Attempts)
		assert.Regexp(n.t, `mirror http://mirror\.test/v1/.*403.*mirror http://away\.test/.*refused.*the offered URL.*404`, err.Error())

		r.Mirrors = r.Mirrors[:1]
		_, err = n.fetch(n.client(), r, &memory{})
		requireError(n.t, err, Refused)
	})
}

func TestAMirrorMayRedirectWithinItself(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{nil, {"files.test"}} {
		bubble(t, func(n *network) {
			home, mirror := n.host("files.test", body(10)), n.host("mirror.test", body(10))
			mirror.Next(testkit.RedirectTo("http://mirror.test" + path))
			r := request("files.test", body(10))
			r.Mirrors = []string{"http://mirror.test"}
			_, err := n.fetch(n.client(func(s *Settings) { s.AllowedHosts = hosts }), r, &memory{})
			require.NoError(n.t, err)
			assert.Empty(n.t, home.Requests())
		})
	}
}

func TestAMirrorThatIsNoURLIsAnError(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		r := request("files.test", body(10))
		r.Mirrors = []string{"http://ok.test", "http://bob:s3cret@mirror.test"}
		_, err := n.fetch(n.client(), r, &memory{})
		requireError(n.t, err, Refused)
		assert.Contains(n.t, err.Error(), "mirror 2")
		assert.NotContains(n.t, err.Error(), "s3cret")
	})
}
