package download

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// told is a call of Progress.
type told struct {
	Progress
	at time.Duration
}

func watched(all *[]told) func(*Settings) {
	began := time.Now()
	return func(s *Settings) {
		s.Progress = func(p Progress) { *all = append(*all, told{p, time.Since(began)}) }
	}
}

func TestProgressIsToldOnceASecondAndAtTheEnd(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", body(30_000))
		d.Always(testkit.Throttle(500, 500*time.Millisecond))
		var all []told
		_, err := n.fetch(n.client(watched(&all)), request("files.test", body(30_000)), &memory{})
		require.NoError(n.t, err)
		count := len(all)
		for i := range all[1:] {
			assert.Greater(n.t, all[i+1].Bytes, all[i].Bytes-1)
			if i+1 < count-1 {
				assert.GreaterOrEqual(n.t, all[i+1].at-all[i].at, time.Second)
			}
		}
		half := all[15]
		assert.InDelta(n.t, 15_500, half.Bytes, 1000)
		assert.Equal(n.t, int64(30_000), half.Total)
		assert.InDelta(n.t, float64(half.Bytes)/300, half.Percent, 0.001)
		assert.InDelta(n.t, 1000, half.BytesPerSecond, 100)
		last := all[count-1]
		assert.Equal(n.t, int64(30_000), last.Bytes)
		assert.InDelta(n.t, 100, last.Percent, 0)

		time.Sleep(time.Minute)
		assert.Len(n.t, all, count, "nothing is told when Fetch has returned")
	})
}

func TestFetchWaitsForTheLastCallOfProgress(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", body(10))
		d.Always(testkit.Throttle(1, 115*time.Millisecond)) // ends during the first call
		calls, inside := 0, 0
		c := n.client(func(s *Settings) {
			s.Progress = func(Progress) {
				inside++
				assert.Equal(n.t, 1, inside)
				time.Sleep(time.Second)
				inside--
				calls++
			}
		})
		_, err := n.fetch(c, request("files.test", body(10)), &memory{})
		require.NoError(n.t, err)
		assert.Equal(n.t, 2, calls)
	})
}

func TestAShortDownloadIsToldOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		n.host("files.test", body(10))
		var all []told
		_, err := n.fetch(n.client(watched(&all)), request("files.test", body(10)), &memory{})
		require.NoError(n.t, err)
		require.Len(n.t, all, 1)
		assert.InDelta(n.t, 100, all[0].Percent, 0)
	})
}

func TestTheRateIsSeenToFallWhileNothingComes(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", body(30_000))
		d.Next(testkit.Throttle(20_000, time.Hour))
		var all []told
		_, err := n.fetch(n.client(watched(&all)), request("files.test", body(30_000)), &memory{})
		require.NoError(n.t, err)
		rates := map[time.Duration]float64{}
		for _, one := range all {
			rates[one.at.Truncate(time.Second)] = one.BytesPerSecond
		}
		assert.InDelta(n.t, 20_000, rates[time.Second], 0)
		assert.InDelta(n.t, 2_000, rates[10*time.Second], 0)
		assert.InDelta(n.t, 0, rates[11*time.Second], 0)
		assert.NotContains(n.t, rates, 30*time.Second, "what does not change is not told")
	})
}

func TestWithoutATotalThereIsNoPercentage(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d := n.host("files.test", body(30_000))
		d.Always(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			testkit.WithoutLength()(w, r, func(w http.ResponseWriter, r *http.Request) { testkit.Throttle(5000, time.Second)(w, r, serve) })
		})
		var all []told
		r := request("files.test", body(30_000))
		r.Size = 0
		_, err := n.fetch(n.client(watched(&all)), r, &memory{})
		require.NoError(n.t, err)
		assert.Zero(n.t, all[1].Percent)
		assert.Zero(n.t, all[1].Total)
		assert.Positive(n.t, all[1].BytesPerSecond)
		assert.Equal(n.t, int64(30_000), all[len(all)-1].Total)
	})
}
