package download

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// phase is a way for a fetch to be kept waiting.
type phase struct {
	name    string
	arrange func(n *network, d *testkit.Downloads, r *Request, s *Settings)
	stalls  time.Duration // how many stall timeouts it lasts at most
}

func phases() []phase {
	return []phase{
		{"connecting", func(n *network, _ *testkit.Downloads, _ *Request, _ *Settings) { n.hosts["files.test:80"] = mute(0) }, 1},
		{"sending", func(n *network, _ *testkit.Downloads, _ *Request, _ *Settings) { n.hosts["files.test:80"] = mute(100) }, maxPhases},
		{"handshake", func(n *network, _ *testkit.Downloads, r *Request, _ *Settings) {
			n.hosts["files.test:443"] = mute(100)
			r.URL = "https://files.test" + path
		}, 1},
		{"tunnel", func(n *network, _ *testkit.Downloads, r *Request, s *Settings) {
			n.hosts["proxy.test:80"] = mute(100)
			r.URL, s.Proxy = "https://files.test"+path, throughProxy("http://proxy.test")
		}, maxPhases},
		{"socks", func(n *network, _ *testkit.Downloads, _ *Request, s *Settings) {
			n.hosts["proxy.test:1080"] = mute(100)
			s.Proxy = throughProxy("socks5://proxy.test:1080")
		}, maxPhases},
		{"header", func(_ *network, d *testkit.Downloads, _ *Request, _ *Settings) { d.Always(testkit.Silent()) }, 1},
		{"slow header", func(_ *network, d *testkit.Downloads, _ *Request, _ *Settings) { d.Always(slowHeader) }, 1},
		{"body", func(_ *network, d *testkit.Downloads, _ *Request, _ *Settings) {
			d.Always(testkit.Throttle(0, 1000*time.Hour))
		}, 1},
	}
}

// slowHeader sends a header that never ends, a byte every second.
func slowHeader(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, err = conn.Write([]byte("HTTP/1.1 200 OK\r\nX: "))
	for err == nil {
		time.Sleep(time.Second)
		_, err = conn.Write([]byte("x"))
	}
	_ = conn.Close()
}

// mute accepts a number of connections and says nothing on them.
func mute(connections int) *pipeListener {
	return &pipeListener{conns: make(chan net.Conn, connections), done: make(chan struct{})}
}

func throughProxy(raw string) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) { return url.Parse(raw) }
}

func TestEveryPhaseThatGoesSilentEnds(t *testing.T) {
	t.Parallel()
	for _, phase := range phases() {
		t.Run(phase.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d, r := n.host("files.test", body(100)), request("files.test", body(100))
				c := n.client(func(s *Settings) { phase.arrange(n, d, &r, s) })
				began := time.Now()
				_, err := n.fetch(c, r, &memory{})
				assert.Equal(n.t, DefaultAttempts, requireError(n.t, err, World).Attempts)
				pauses := seconds(1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60)
				assert.LessOrEqual(n.t, time.Since(began), DefaultAttempts*phase.stalls*DefaultStallTimeout+pauses*3/2)
				assert.GreaterOrEqual(n.t, time.Since(began), DefaultAttempts*DefaultStallTimeout+pauses/2)
			})
		})
	}
}

func TestCancellingEndsEveryPhaseAtOnce(t *testing.T) {
	t.Parallel()
	all := append(phases(),
		phase{"pause", func(n *network, _ *testkit.Downloads, _ *Request, _ *Settings) { delete(n.hosts, "files.test:80") }, 0},
		phase{"rate limit", func(_ *network, _ *testkit.Downloads, _ *Request, s *Settings) { s.RateLimit = 1 }, 0},
		phase{"retry after", func(_ *network, d *testkit.Downloads, _ *Request, _ *Settings) {
			d.Always(testkit.AnswerWith(503, "Retry-After", "300"))
		}, 0},
	)
	for _, phase := range all {
		t.Run(phase.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d, r := n.host("files.test", body(1000)), request("files.test", body(1000))
				c := n.client(func(s *Settings) { phase.arrange(n, d, &r, s) })
				ctx, cancel := context.WithCancelCause(n.t.Context())
				why := errors.New("another one was offered")
				time.AfterFunc(300*time.Millisecond, func() { cancel(why) })
				began := time.Now()
				_, err := n.fetchWith(ctx, c, r, &memory{})
				requireError(n.t, err, World)
				require.ErrorIs(n.t, err, why)
				assert.Equal(n.t, 300*time.Millisecond, time.Since(began))
			})
		})
	}
}

func TestACancelledFetchKeepsWhatCame(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d, p := n.host("files.test", body(1000)), &memory{}
		d.Always(testkit.Throttle(10, time.Second))
		ctx, cancel := context.WithTimeout(n.t.Context(), seconds(5.5))
		defer cancel()
		_, err := n.fetchWith(ctx, n.client(), request("files.test", body(1000)), p)
		requireError(n.t, err, World)
		require.ErrorIs(n.t, err, context.DeadlineExceeded)
		assert.Equal(n.t, body(60), p.Bytes())
	})
}

func TestAFetchThatWasCancelledBeforeAsksNobody(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", body(1000))
		ctx, cancel := context.WithCancel(n.t.Context())
		cancel()
		_, err := n.fetchWith(ctx, n.client(), request("files.test", body(1000)), &memory{})
		require.ErrorIs(n.t, err, context.Canceled)
		assert.Empty(n.t, d.Requests())
	})
}

func TestAStallLosesNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(100_000)
		d, p := n.host("files.test", content), &memory{}
		d.Next(testkit.Throttle(60_000, time.Hour))
		result, err := n.fetch(n.client(), request("files.test", content), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.Equal(n.t, 2, result.Attempts)
		assert.Less(n.t, d.Requests()[1].Sent, int64(70_000))
	})
}

func TestASlowLinkThatLivesIsNotCut(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(500_000)
		d, p := n.host("files.test", content), &memory{}
		d.Always(testkit.Throttle(5000, 54*time.Second))
		c := n.client(func(s *Settings) { s.StallTimeout = 55 * time.Second })
		_, err := n.fetch(c, request("files.test", content), p)
		require.ErrorIs(n.t, err, errCrawl, "93 bytes a second")

		d.Always(testkit.Throttle(20_000, 15*time.Second))
		p = &memory{}
		result, err := n.fetch(c, request("files.test", content), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.Equal(n.t, 1, result.Attempts)
	})
}

func TestATrickleCountsAsAStallAndIsGivenUp(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d, p := n.host("files.test", body(10_000)), &memory{}
		d.Always(testkit.Throttle(1, 59*time.Second))
		began := time.Now()
		_, err := n.fetch(n.client(), request("files.test", body(10_000)), p)
		assert.Equal(n.t, DefaultAttempts, requireError(n.t, err, World).Attempts)
		require.ErrorIs(n.t, err, errCrawl)
		assert.Less(n.t, time.Since(began), 75*time.Minute)
		assert.Equal(n.t, body(10_000)[:p.Len()], p.Bytes(), "what came is kept")
		assert.Positive(n.t, p.Len())
	})
}

func TestACrawlAfterALotIsProgress(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(12 * 400_000)
		d, p := n.host("files.test", content), &memory{}
		for range 12 {
			d.Next(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				sent := 0
				serve(&quickThenSlow{ResponseWriter: w, r: r, sent: &sent}, r)
			})
		}
		r := request("files.test", content)
		r.MaxSize = r.Size
		_, err := n.fetch(n.client(), r, p)
		require.NoError(n.t, err, "12 crawls, each after more than a window's worth")
		assert.Equal(n.t, content, p.Bytes())
	})
}

// quickThenSlow sends 350 kB at once and then a byte now and then.
type quickThenSlow struct {
	http.ResponseWriter
	r    *http.Request
	sent *int
}

func (q *quickThenSlow) Write(p []byte) (int, error) {
	if *q.sent < 350_000 {
		n, err := q.ResponseWriter.Write(p)
		*q.sent += n
		return n, err
	}
	testkit.Throttle(1, 50*time.Second)(q.ResponseWriter, q.r, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(p) })
	return 0, errors.New("the client has gone")
}

func TestARateLimitIsKeptAndIsNoStall(t *testing.T) {
	t.Parallel()
	for _, rate := range []int64{100, 100_000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				content := body(int(rate) * 100)
				d, p := n.host("files.test", content), &memory{}
				r := request("files.test", content)
				r.MaxSize = r.Size
				began := time.Now()
				result, err := n.fetch(n.client(func(s *Settings) { s.RateLimit = rate }), r, p)
				require.NoError(n.t, err)
				assert.Equal(n.t, 1, result.Attempts)
				assert.Len(n.t, d.Requests(), 1)
				assert.InDelta(n.t, 100, time.Since(began).Seconds(), 6)
			})
		})
	}
}
