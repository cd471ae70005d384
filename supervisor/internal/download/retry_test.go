package download

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

func TestAnAnswerThatMayPassIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]testkit.DownloadFault{
		"408": testkit.AnswerWith(408), "425": testkit.AnswerWith(425), "429": testkit.AnswerWith(429),
		"500": testkit.AnswerWith(500), "502": testkit.AnswerWith(502), "503": testkit.AnswerWith(503), "599": testkit.AnswerWith(599),
		"cut":                testkit.Raw(""),
		"garbage":            testkit.Raw("SSH-2.0-OpenSSH_9.9\r\n"),
		"bad status":         testkit.Raw("HTTP/1.1 abc OK\r\n\r\n"),
		"bad header":         testkit.Raw("HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n"),
		"two lengths":        testkit.Raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n"),
		"huge header":        testkit.Raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100_000)),
		"header cut":         testkit.Raw("HTTP/1.1 200 OK\r\nContent-Le"),
		"odd coding":         testkit.Raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
		"bad chunk":          testkit.Raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
		"endless 100s":       testkit.Raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 5000)),
		"a name of its kind": testkit.Raw("\xff\xfe" + strings.Repeat("\x1b[31m", 1000) + "\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				content := body(100)
				d, p := n.host("files.test", content), &memory{}
				d.Next(fault, fault)
				result, err := n.fetch(n.client(), request("files.test", content), p)
				require.NoError(n.t, err)
				assert.Equal(n.t, content, p.Bytes())
				assert.Equal(n.t, 3, result.Attempts)

				d.Always(fault)
				_, err = n.fetch(n.client(), request("files.test", content), &memory{})
				e := requireError(n.t, err, World)
				assert.Equal(n.t, DefaultAttempts, e.Attempts)
				assert.Less(n.t, len(err.Error()), 800)
			})
		})
	}
}

func TestAnAnswerThatIsFinalIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{201, 204, 300, 304, 400, 401, 402, 403, 404, 407, 410, 416, 418, 451} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d := n.host("files.test", body(100))
				d.Always(testkit.AnswerWith(status))
				_, err := n.fetch(n.client(), request("files.test", body(100)), &memory{})
				e := requireError(n.t, err, Refused)
				assert.Equal(n.t, status, e.Status)
				assert.Len(n.t, d.Requests(), 1)
				assert.Contains(n.t, err.Error(), fmt.Sprint(status))
			})
		})
	}
}

func TestPausesGrowAndAreSpread(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", nil)
		var at []time.Time
		d.Always(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			at = append(at, time.Now())
			w.WriteHeader(503)
		})
		_, err := n.fetch(n.client(), request("files.test", body(1)), &memory{})
		requireError(n.t, err, World)
		require.Len(n.t, at, DefaultAttempts)
		for i, mean := range []float64{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			assert.InDelta(n.t, mean, at[i+1].Sub(at[i]).Seconds(), mean/2)
		}
	})
}

func TestProgressStartsTheCountAndThePausesAnew(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d, p := n.host("files.test", body(100)), &memory{}
		d.Next(testkit.DropAt(0), testkit.DropAt(0), testkit.DropAt(50))
		d.Always(testkit.DropAt(0))
		c := n.client(func(s *Settings) { s.Attempts = 3 })
		_, err := n.fetch(c, request("files.test", body(100)), p)
		assert.Equal(n.t, 6, requireError(n.t, err, World).Attempts)
		assert.Equal(n.t, 50, p.Len())
	})
}

func TestRetryAfterIsTheLeastPause(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]float64{
		"120":                           120,
		"Sat, 01 Jan 2000 00:02:00 GMT": 120,
		"99999":                         600,
		"Sat, 01 Jan 2050 00:00:00 GMT": 600,
		"99999999999999999999":          0,
		"-5":                            0,
		"Sat, 01 Jan 1990 00:00:00 GMT": 0,
		"soon":                          0,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d := n.host("files.test", body(1))
				d.Next(testkit.AnswerWith(503, "Retry-After", value))
				began := time.Now()
				_, err := n.fetch(n.client(), request("files.test", body(1)), &memory{})
				require.NoError(n.t, err)
				assert.InDelta(n.t, want+1, time.Since(began).Seconds(), 0.5)
			})
		})
	}
}
