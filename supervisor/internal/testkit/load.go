package testkit

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// loadTimeout is how long one request may take before it counts as failed.
	loadTimeout = 5 * time.Second
	// maxWaiting is how many requests may be under way together; more are counted as failed and not sent, so that an outage does
	// not end in a burst that is one itself.
	maxWaiting = 2000
)

// Result is what became of one request of a [Loader].
type Result struct {
	ID   string // what was sent, unique: "load-<run>-<number>"
	Sent time.Time
	Done time.Time
	Err  error // nil when it was acknowledged with 2xx
}

// LoadReport is the result of a [Loader].
type LoadReport struct {
	Results []Result // in the order of Done
	Began   time.Time
	Ended   time.Time
}

// Loader posts telemetry at a fixed rate until it is stopped.
type Loader struct {
	url, run string
	client   *http.Client
	board
	results []Result
	began   time.Time
	stop    func()
}

// Load posts one log record, or one span if the path of the URL ends with /v1/traces, in OTLP/HTTP JSON, rate times a second, each
// with an id of its own. Requests do not wait for each other: a receiver that hangs is measured, not followed. It is stopped with
// the test if not by [Loader.Stop].
func Load(tb testing.TB, url string, rate int) *Loader {
	tb.Helper()
	require.Positive(tb, rate)
	var run [8]byte
	_, _ = rand.Read(run[:]) // never fails (crypto/rand)
	ctx, cancel := context.WithCancel(context.Background())
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: loadTimeout}).DialContext,
		MaxIdleConnsPerHost: 64,
	}
	l := &Loader{
		url: url, run: fmt.Sprintf("%x", run), began: time.Now(),
		client: &http.Client{Transport: transport, Timeout: loadTimeout},
	}
	var running sync.WaitGroup
	running.Go(func() { l.pace(ctx, rate, &running) })
	l.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		transport.CloseIdleConnections()
	})
	tb.Cleanup(l.stop)
	return l
}

// Stop ends the load, waits for the requests under way, at most 5 s, and returns the report.
func (l *Loader) Stop() LoadReport {
	ended := time.Now()
	l.stop()
	report := LoadReport{Began: l.began, Ended: ended}
	l.read(func() { report.Results = slices.Clone(l.results) })
	return report
}

// WaitAcknowledged waits until n more requests from now on were acknowledged; the test fails and ends if that takes longer.
func (l *Loader) WaitAcknowledged(tb testing.TB, n int, timeout time.Duration) {
	tb.Helper()
	from := -1
	var last error
	if !l.wait(timeout, func() bool {
		if from < 0 {
			from = len(l.results)
		}
		good := 0
		for _, r := range l.results[from:] {
			if last = r.Err; r.Err == nil {
				good++
			}
		}
		return good >= n
	}) {
		tb.Fatalf("%s did not acknowledge %d requests within %s; last error: %v", l.url, n, timeout, last)
	}
}

// pace sends each request when it is due, counted from the beginning, so that a late tick is made up for.
func (l *Loader) pace(ctx context.Context, rate int, running *sync.WaitGroup) {
	tick := time.NewTicker(max(time.Second/time.Duration(rate), time.Millisecond))
	defer tick.Stop()
	waiting := make(chan struct{}, maxWaiting)
	for n := 0; ; {
		for due := int(time.Since(l.began).Seconds() * float64(rate)); n <= due; n++ {
			id, sent := fmt.Sprintf("load-%s-%08d", l.run, n), time.Now()
			select {
			case waiting <- struct{}{}:
				running.Go(func() {
					err := l.post(id)
					l.note(Result{ID: id, Sent: sent, Done: time.Now(), Err: err})
					<-waiting
				})
			default:
				l.note(Result{ID: id, Sent: sent, Done: sent, Err: fmt.Errorf("not sent: %d requests wait", maxWaiting)})
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *Loader) note(r Result) {
	l.update(func() { l.results = append(l.results, r) })
}

func (l *Loader) post(id string) error {
	// No context: the client has a timeout, and a request under way is to be finished when the load stops.
	response, err := l.client.Post(l.url, "application/json", strings.NewReader(payload(l.url, id)))
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}

// payload is one record of the signal that the URL names.
func payload(url, id string) string {
	const resource = `"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"testkit"}}]}`
	if strings.HasSuffix(url, Traces.Path()) {
		return `{"resourceSpans":[{` + resource + `,"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",` +
			`"spanId":"eee19b7ec3c1b174","name":"` + id + `","kind":1,"startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}`
	}
	return `{"resourceLogs":[{` + resource + `,"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"` + id + `"}}]}]}]}`
}

// Acknowledged returns the ids of the requests that were answered well: the receiver is answerable for them.
func (r LoadReport) Acknowledged() []string {
	var ids []string
	for _, result := range r.Results {
		if result.Err == nil {
			ids = append(ids, result.ID)
		}
	}
	return ids
}

// Failures returns the requests that were not acknowledged.
func (r LoadReport) Failures() []Result {
	return slices.DeleteFunc(slices.Clone(r.Results), func(result Result) bool { return result.Err == nil })
}

// LongestGap returns the longest time in which no request was acknowledged, and when it began. It counts from the first
// acknowledgement, and to the end of the load, so an outage that has not ended counts too.
func (r LoadReport) LongestGap() (gap time.Duration, began time.Time) {
	var last time.Time
	look := func(at time.Time) {
		if !last.IsZero() && at.Sub(last) > gap {
			gap, began = at.Sub(last), last
		}
		last = at
	}
	for _, result := range r.Results {
		if result.Err == nil {
			look(result.Done)
		}
	}
	if last.IsZero() {
		return r.Ended.Sub(r.Began), r.Began
	}
	look(r.Ended)
	return gap, began
}
