package download

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

func TestAURLThatMayNotBeAskedIsRefusedBeforeAnythingMoves(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"empty":              "",
		"http":               "http://files.test/x",
		"another scheme":     "ftp://files.test/x",
		"a file":             "file:///etc/shadow",
		"no scheme":          "files.test/x",
		"opaque":             "https:files.test/x",
		"no host":            "https:///x",
		"no host but a port": "https://:443/x",
		"user":               "https://bob@files.test/x",
		"password":           "https://bob:secret@files.test/x",
		"fragment":           "https://files.test/x#secret",
		"empty fragment":     "https://files.test/x#",
		"port 0":             "https://files.test:0/x",
		"port out of range":  "https://files.test:65536/x",
		"port is a word":     "https://files.test:secret/x",
		"line break":         "https://files.test/x\r\nsecret: 1",
		"space in the host":  "https://files .test/x",
		"escaped host":       "https://files%2etest%2f.test/x",
		"another alphabet":   "https://fıles.test/x",
		"climbs":             "https://files.test/a/../../x",
		"climbs in disguise": "https://files.test/a/%2e%2e/x",
		"bad escape":         "https://files.test/%zz?secret",
		"endless":            "https://files.test/" + strings.Repeat("x", 9000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				c := n.client(func(s *Settings) { s.AllowHTTP = false })
				_, err := n.fetch(c, Request{URL: raw, MaxSize: 1, SHA256: strings.Repeat("0", 64)}, nil) // not even the partial is touched
				e := requireError(n.t, err, Refused)
				assert.Zero(n.t, e.Attempts)
				assert.NotContains(n.t, err.Error(), "secret")
				assert.Less(n.t, len(err.Error()), 500)
			})
		})
	}
}

func TestANumberThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Request{
		"no limit":          {URL: "http://files.test/"},
		"negative size":     {URL: "http://files.test/", MaxSize: 1, Size: -1},
		"too large":         {URL: "http://files.test/", MaxSize: 1, Size: 2},
		"hash not hex":      {URL: "http://files.test/", MaxSize: 1, SHA256: strings.Repeat("x", 64)},
		"hash of 63 digits": {URL: "http://files.test/", MaxSize: 1, SHA256: strings.Repeat("a", 63)},
		"hash too short":    {URL: "http://files.test/", MaxSize: 1, SHA256: "aa"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				_, err := n.fetch(n.client(), r, nil)
				requireError(n.t, err, Refused)
			})
		})
	}
	for name, s := range map[string]Settings{
		"rate": {RateLimit: -1}, "stall": {StallTimeout: -1}, "attempts": {Attempts: -1}, "pause": {RetryMin: -1}, "long pause": {RetryMax: -1},
	} {
		_, err := New(s)
		assert.Error(t, err, name)
	}
}

func TestAnOfferedHeaderCannotChangeTheRequestItself(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Host", "connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Content-Length", "Upgrade", "Expect", "Range", "if-range",
		"If-Match", "Accept-Encoding", "Proxy-Authorization", "Proxy-Connection", "HTTP2-Settings", "X\r\nHost", "X Y", "", "X:", "Ä",
	} {
		_, err := checkHeader(http.Header{name: {"secret"}})
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "secret")
	}
	for _, value := range []string{"secret\r\nHost: x", "secret\n", "\x00secret", "secret\x7f"} {
		_, err := checkHeader(http.Header{"X": {value}})
		require.Error(t, err, value)
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := checkHeader(http.Header{"X": {strings.Repeat("x", maxHeader)}})
	require.Error(t, err)
	header, err := checkHeader(http.Header{"authorization": {"Bearer a b\tc"}, "X-Ü"[:2] + "1": {"ü", "2"}})
	require.NoError(t, err)
	assert.Equal(t, http.Header{"Authorization": {"Bearer a b\tc"}, "X-1": {"ü", "2"}}, header)
}

func TestRedirectsAreFollowedOnTheSameHost(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(100)
		d := n.host("files.test", content)
		n.serve("files.test:8080", d)
		d.Next(testkit.RedirectTo("/else?x#fragment"), testkit.RedirectTo("http://FILES.test:8080"+path))
		result, err := n.fetch(n.client(), request("files.test", content), &memory{})
		require.NoError(n.t, err)
		assert.Equal(n.t, 1, result.Attempts)
		require.Len(n.t, d.Requests(), 3)
		assert.Equal(n.t, "/else", d.Requests()[1].Path)
		assert.Equal(n.t, "FILES.test:8080", d.Requests()[2].Host)
	})
}

func TestARedirectThatIsNotAllowedIsNotFollowed(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{
		"another host":     "http://elsewhere.test" + path,
		"a host below":     "http://sub.files.test" + path,
		"another scheme":   "ftp://files.test" + path,
		"user":             "http://bob:secret@files.test" + path,
		"no host":          "http:///x",
		"nowhere":          "",
		"not a URL":        "http://files.test:secret/",
		"another alphabet": "http://Kelvin.test/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d := n.host("files.test", body(10))
				other := n.host("elsewhere.test", body(10))
				n.serve("sub.files.test:80", other)
				d.Always(testkit.RedirectTo(to))
				p := &memory{}
				_, err := n.fetch(n.client(), request("files.test", body(10)), p)
				requireError(n.t, err, Refused)
				assert.NotContains(n.t, err.Error(), "secret")
				assert.Len(n.t, d.Requests(), 1)
				assert.Empty(n.t, other.Requests())
				assert.Zero(n.t, p.restarts)
			})
		})
	}
}

func TestALoopOfRedirectsEnds(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", body(10))
		d.Always(testkit.RedirectTo(path))
		_, err := n.fetch(n.client(), request("files.test", body(10)), &memory{})
		requireError(n.t, err, Refused)
		assert.Len(n.t, d.Requests(), 1+maxRedirects)
	})
}

func TestAllowedHostsBoundTheURLAndTheRedirects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		host, to string
		kind     string // of the error
	}{
		{host: "files.test", to: "cdn.example.com"},
		{host: "files.test", to: "a.b.EXAMPLE.com"},
		{host: "files.test", to: "files.test"},
		{host: "Files.Test", to: "FILES.TEST"},
		{host: "cdn.example.com", to: "other.test", kind: "redirect"},
		{host: "cdn.example.com", to: "example.com", kind: "redirect"},
		{host: "files.test", to: "badexample.com", kind: "redirect"},
		{host: "files.test", to: "example.com.evil.test", kind: "redirect"},
		{host: "other.test", to: "files.test", kind: "offer"},
	} {
		t.Run(tc.host+" to "+tc.to, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				from, to := n.host(tc.host, nil), &testkit.Downloads{}
				to.Put(path, testkit.DownloadFile{Body: body(10)})
				n.serve(tc.to+":8080", to)
				from.Always(testkit.RedirectTo("http://" + tc.to + ":8080" + path))
				c := n.client(func(s *Settings) { s.AllowedHosts = []string{"files.test", "*.Example.com"} })
				_, err := n.fetch(c, request(tc.host, body(10)), &memory{})
				if tc.kind == "" {
					require.NoError(n.t, err)
					return
				}
				requireError(n.t, err, Refused)
				assert.Empty(n.t, to.Requests())
				assert.Equal(n.t, tc.kind == "offer", len(from.Requests()) == 0)
			})
		})
	}
}

func TestAnAllowedHostThatCouldNeverMatchIsAnError(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "*", "*.", "https://files.test", "files.test:443", "files.test/x", "a.*.test", "[::1]", "a b"} {
		_, err := New(Settings{AllowedHosts: []string{host}})
		assert.Error(t, err, host)
	}
	_, err := New(Settings{AllowedHosts: []string{"files.test.", "::1", "10.0.0.1", "*.example.com"}})
	assert.NoError(t, err)
}

func TestOfferedHeadersStayWithTheOrigin(t *testing.T) {
	t.Parallel()
	secret := http.Header{"Authorization": {"Bearer s3cret"}, "X-Api-Key": {"s3cret"}, "Cookie": {"s3cret"}}
	for name, to := range map[string]string{
		"another host":         "http://cdn.test" + path,
		"another port":         "http://files.test:8080" + path,
		"another name of ours": "http://files.test." + path,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				content := body(100)
				home, away := n.host("files.test", content), &testkit.Downloads{}
				away.Put(path, testkit.DownloadFile{Body: content})
				u, err := url.Parse(to)
				require.NoError(n.t, err)
				n.serve(strings.TrimPrefix(origin(u), "http://"), away)
				home.Always(testkit.RedirectTo(to))
				c := n.client(func(s *Settings) { s.AllowedHosts = []string{"files.test", "cdn.test"} })
				r := request("files.test", content)
				r.Header = secret
				_, err = n.fetch(c, r, &memory{})
				require.NoError(n.t, err)
				assert.Equal(n.t, "Bearer s3cret", home.Requests()[0].Header.Get("Authorization"))
				assert.NotContains(n.t, fmt.Sprint(away.Requests()), "s3cret", "S-188")
			})
		})
	}
}

func TestOfferedHeadersAreNotSentToWhereAnotherHostRedirectsBackTo(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		home, away := n.host("files.test", body(10)), n.host("cdn.test", body(10))
		home.Next(testkit.RedirectTo("http://cdn.test" + path))
		away.Always(testkit.RedirectTo("http://files.test/private"))
		c := n.client(func(s *Settings) { s.AllowedHosts = []string{"files.test", "cdn.test"} })
		r := request("files.test", body(10))
		r.Header = http.Header{"Authorization": {"s3cret"}}
		_, err := n.fetch(c, r, &memory{})
		requireError(n.t, err, Refused)
		require.Len(n.t, home.Requests(), 2)
		assert.Equal(n.t, "/private", home.Requests()[1].Path)
		assert.Empty(n.t, home.Requests()[1].Header.Get("Authorization"))
	})
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", nil)
		d.Always(testkit.RedirectTo("http://files.test/else?signature=s3cret"))
		d.Next(testkit.AnswerWith(503, "X", "s3cret"))
		r := request("files.test", body(10))
		r.URL += "?token=s3cret"
		r.Header = http.Header{"Authorization": {"s3cret"}}
		r.Mirrors = []string{"http://mirror.test/m?token=s3cret"}
		_, err := n.fetch(n.client(), r, &memory{})
		requireError(n.t, err, World)
		assert.NotContains(n.t, err.Error(), "s3cret")
		assert.Contains(n.t, err.Error(), "cannot download http://files.test/v1/collector.tar.gz (sha256 "+r.SHA256[:8])
	})
}
