//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// bearing is an offer whose file is for those who show a credential.
func bearing(p published, secret string) published {
	p.Headers = map[string]string{"Authorization": secret}
	return p
}

// resumedAt returns where the requests went on, -1 for one from the beginning.
func resumedAt(tb testing.TB, requests []testkit.Download) []int64 {
	tb.Helper()
	var all []int64
	for _, r := range requests {
		at := int64(-1)
		if r.Range != "" {
			_, err := fmt.Sscanf(r.Range, "bytes=%d-", &at)
			require.NoError(tb, err, r.Range)
		}
		all = append(all, at)
	}
	return all
}

func TestADownloadThatMeetsTroubleIsInstalledNevertheless(t *testing.T) {
	t.Parallel()
	const secret = "Bearer for-the-download-server"
	for name, c := range map[string]struct {
		faults func(size int64) []testkit.DownloadFault
		check  func(t *testing.T, s *site, p published)
	}{
		"cut off half way": {
			func(size int64) []testkit.DownloadFault { return []testkit.DownloadFault{testkit.DropAt(size / 2)} },
			func(t *testing.T, s *site, p published) {
				t.Helper()
				at := resumedAt(t, s.downloads.Requests())
				require.Len(t, at, 2)
				assert.InDelta(t, len(p.body)/2, at[1], float64(len(p.body)/10), "it goes on where it stopped")
			},
		},
		"a length that is a lie": {
			func(size int64) []testkit.DownloadFault {
				return []testkit.DownloadFault{testkit.LieAboutLength(size + 1000)}
			}, nil,
		},
		"no length": {
			func(int64) []testkit.DownloadFault { return []testkit.DownloadFault{testkit.WithoutLength()} }, nil,
		},
		"503 and then 429": {
			func(int64) []testkit.DownloadFault {
				return []testkit.DownloadFault{
					testkit.AnswerWith(http.StatusServiceUnavailable, "Retry-After", "1"), testkit.AnswerWith(http.StatusTooManyRequests),
				}
			},
			func(t *testing.T, s *site, _ published) { t.Helper(); assert.Len(t, s.downloads.Requests(), 3) },
		},
		"slow, but alive": {
			func(int64) []testkit.DownloadFault {
				return []testkit.DownloadFault{testkit.Throttle(32<<10, 3*time.Millisecond)} // 1300 times
			},
			func(t *testing.T, s *site, _ published) {
				t.Helper()
				assert.Len(t, s.downloads.Requests(), 1, "longer than packages.stall_timeout, and not stalled")
				var far *protobufs.PackageDownloadDetails
				for _, m := range s.server.Messages() {
					if details := own(m.AgentToServer).GetDownloadDetails(); details != nil {
						far = details
					}
				}
				assert.Greater(t, far.GetDownloadPercent(), 10.0)
				assert.Positive(t, far.GetDownloadBytesPerSecond())
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upgradable(t, testkit.WebSocket, brief+"stall_timeout: 2s\n", settings{})
			p := bearing(s.publish(next()), secret)
			s.downloads.Next(c.faults(int64(len(p.body)))...)
			s.upgrade(p)
			s.fares(p, inForce)
			s.agrees(p)
			for _, r := range s.downloads.Requests() {
				assert.Equal(t, secret, r.Header.Get("Authorization"))
			}
			if c.check != nil {
				c.check(t, s, p)
			}
			assert.NotContains(t, s.log(), secret)
		})
	}
}

func TestADownloadThatCannotBeRightTouchesNothing(t *testing.T) {
	t.Parallel()
	const secret = "Bearer for-the-download-server"
	elsewhere := testkit.NewDownloads(t)
	for name, c := range map[string]struct {
		fault testkit.DownloadFault
		words string
	}{
		"404":                        {testkit.AnswerWith(http.StatusNotFound), "404"},
		"another file":               {func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { _, _ = w.Write([]byte("else")) }, "content_hash"},
		"half of it, as if all":      {testkit.LieAboutLength(1 << 20), "content_hash"},
		"without end":                {testkit.Endless(), "67108864 bytes"},
		"a redirect to another host": {testkit.RedirectTo(strings.Replace(elsewhere.URL("/x"), "127.0.0.1", "localhost", 1)), "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upgradable(t, testkit.WebSocket, brief+"max_size: 64MiB\n", settings{})
			untouched := s.untouched()
			p := bearing(s.publish(next()), secret)
			s.downloads.Always(c.fault)
			s.upgrade(p)
			status := s.fares(p, notTaken)
			t.Log(status.GetErrorMessage())
			assert.Contains(t, status.GetErrorMessage(), c.words)
			untouched()
			s.agree(factory, "")
			assert.Empty(t, s.slots())
			assert.NotContains(t, s.log(), secret)
		})
	}
	t.Cleanup(func() { assert.Empty(t, elsewhere.Requests()) })
}

// Names that differ in the port alone are one host to those who allow hosts, and not to
// those who are given a credential.
func TestARedirectToAnotherPortIsFollowedWithoutTheCredential(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	elsewhere := testkit.NewDownloads(t)
	p := bearing(s.publish(next()), "Bearer for-the-download-server")
	hop := httptest.NewServer(http.RedirectHandler(elsewhere.URL("/x"), http.StatusFound))
	t.Cleanup(hop.Close)
	s.downloads.Always(testkit.RedirectTo(hop.URL))
	s.upgrade(p)
	last := elsewhere.WaitRequests(t, 1)
	assert.Empty(t, last.Header.Get("Authorization"))
	s.fares(p, notTaken)
	s.agree(factory, "")
}

func TestAPackageComesOverTLSWithTheCertificatesOfTheFile(t *testing.T) {
	t.Parallel()
	p := publishing(t)
	ca := newAuthority(t)
	secure := httptest.NewUnstartedServer(p.downloads)
	secure.TLS = ca.server(nil)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	c := p.publish(next())
	c.URL = secure.URL + c.path
	plain := p.publish(parcel{Version: "0.151.0", index: 3})

	h, hash := installed(t, settings{capabilities: ", accepts_packages: true", extra: strings.Replace(p.trusting(brief), "allow_http: true", "allow_http: false", 1)})
	sweeping(h.daemon)
	h.serverKeys("tls: {ca_file: " + ca.file("ca.crt") + "}")
	h.start()
	h.server.WaitStatus(t, hash, applied)
	s := &site{host: h, publisher: p}
	s.upgrade(c)
	s.fares(c, inForce)
	s.agrees(c)
	s.upgrade(plain)
	assert.Contains(t, s.fares(plain, notTaken).GetErrorMessage(), "allow http")
	s.agrees(c)
}
