package download

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// These run on the loopback interface, since nothing in them waits for a clock.

func loopback(t *testing.T, change ...func(*Settings)) *Client {
	t.Helper()
	s := Settings{Proxy: noProxy}
	for _, each := range change {
		each(&s)
	}
	c, err := New(s)
	require.NoError(t, err)
	return c
}

func trusting(d *testkit.Downloads) func(*Settings) {
	return func(s *Settings) { s.TLS = &tls.Config{RootCAs: d.Roots(), NextProtos: []string{"h2"}} }
}

func TestAKnownCAIsAccepted(t *testing.T) {
	t.Parallel()
	d, p, content := testkit.NewTLSDownloads(t), &memory{}, body(3_000_000)
	d.Put(path, testkit.DownloadFile{Body: content})
	d.Next(testkit.DropAt(1_000_000))
	result, err := loopback(t, trusting(d)).Fetch(t.Context(), Request{URL: d.URL(path), MaxSize: 1 << 30}, p)
	require.NoError(t, err)
	assert.Equal(t, content, p.Bytes())
	assert.True(t, result.Resumed)
}

func TestAnUnknownCAIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	d := testkit.NewTLSDownloads(t)
	_, err := loopback(t).Fetch(t.Context(), Request{URL: d.URL(path), MaxSize: 1 << 30}, &memory{})
	assert.Equal(t, 1, requireError(t, err, Refused).Attempts)
	assert.Contains(t, err.Error(), "certificate")
	assert.Empty(t, d.Requests())
}

func TestACertificateThatOnlyTheClockSpeaksAgainstIsTriedAgain(t *testing.T) {
	t.Parallel()
	expired := x509.CertificateInvalidError{Reason: x509.Expired}
	assert.Equal(t, World, asFailure(unreachable(&tls.CertificateVerificationError{Err: expired})).kind)
	other := x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}
	assert.Equal(t, Refused, asFailure(unreachable(&tls.CertificateVerificationError{Err: other})).kind)
}

func TestARedirectFromHTTPSToHTTPIsNeverFollowed(t *testing.T) {
	t.Parallel()
	safe, plain := testkit.NewTLSDownloads(t), testkit.NewDownloads(t)
	plain.Put(path, testkit.DownloadFile{Body: body(10)})
	safe.Always(testkit.RedirectTo(plain.URL(path)))
	for _, hosts := range [][]string{nil, {"127.0.0.1"}} {
		c := loopback(t, trusting(safe), func(s *Settings) { s.AllowHTTP, s.AllowedHosts = true, hosts })
		_, err := c.Fetch(t.Context(), Request{URL: safe.URL(path), MaxSize: 1 << 30}, &memory{})
		requireError(t, err, Refused)
		assert.Empty(t, plain.Requests())
	}
}

func TestARedirectFromHTTPToHTTPSIsFollowedWithoutCredentials(t *testing.T) {
	t.Parallel()
	safe, plain, p := testkit.NewTLSDownloads(t), testkit.NewDownloads(t), &memory{}
	safe.Put(path, testkit.DownloadFile{Body: body(10)})
	plain.Always(testkit.RedirectTo(safe.URL(path)))
	c := loopback(t, trusting(safe), func(s *Settings) { s.AllowHTTP = true })
	r := Request{URL: plain.URL(path), MaxSize: 1 << 30, Header: http.Header{"Authorization": {"s3cret"}}}
	_, err := c.Fetch(t.Context(), r, p)
	require.NoError(t, err)
	assert.Equal(t, body(10), p.Bytes())
	assert.Equal(t, "s3cret", plain.Requests()[0].Header.Get("Authorization"))
	assert.Empty(t, safe.Requests()[0].Header.Get("Authorization"), "scheme and port differ")
}

func TestTheProxyOfTheSettingsIsUsed(t *testing.T) {
	t.Parallel()
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, fmt.Sprint(r.Method, " ", r.Host, " ", r.Header.Get("Proxy-Authorization"), " ", r.Header.Get("Authorization")))
		if r.Method != http.MethodConnect {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("from the proxy"))
			return
		}
		tunnel(w, r)
	}))
	t.Cleanup(proxy.Close)
	through := func(s *Settings) {
		s.AllowHTTP, s.Proxy = true, func(*http.Request) (*url.URL, error) {
			return url.Parse("http://bob:s3cret@" + proxy.Listener.Addr().String())
		}
	}
	p := &memory{}
	_, err := loopback(t, through).Fetch(t.Context(), Request{URL: "http://files.test" + path, MaxSize: 1 << 30}, p)
	require.NoError(t, err)
	assert.Equal(t, "from the proxy", p.String())

	d, p := testkit.NewTLSDownloads(t), &memory{}
	d.Put(path, testkit.DownloadFile{Body: body(100_000)})
	r := Request{URL: d.URL(path), MaxSize: 1 << 30, Header: http.Header{"Authorization": {"offered"}}}
	_, err = loopback(t, trusting(d), through).Fetch(t.Context(), r, p)
	require.NoError(t, err)
	assert.Equal(t, body(100_000), p.Bytes())
	assert.Equal(t, []string{
		"GET files.test Basic Ym9iOnMzY3JldA== ", "CONNECT " + strings.TrimPrefix(d.URL(""), "https://") + " Basic Ym9iOnMzY3JldA== ",
	}, seen, "what was offered for the server is not for the proxy")
}

// tunnel is the CONNECT of a proxy.
func tunnel(w http.ResponseWriter, r *http.Request) {
	far, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	near, ahead, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(far, ahead) // it may have been read ahead by the server
		_ = far.Close()
	}()
	_, _ = io.Copy(near, far)
	_ = near.Close()
}

func TestAProxySettingThatIsNoURLKeepsItsSecret(t *testing.T) {
	t.Parallel()
	c := loopback(t, func(s *Settings) {
		s.Attempts = 1
		s.Proxy = func(*http.Request) (*url.URL, error) {
			return nil, errors.New("http://bob:s3cret@proxy:port has no port")
		}
	})
	_, err := c.Fetch(t.Context(), Request{URL: "https://files.test", MaxSize: 1}, &memory{})
	requireError(t, err, World)
	assert.NotContains(t, err.Error(), "s3cret")
}
