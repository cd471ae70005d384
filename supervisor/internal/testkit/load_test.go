package testkit

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsLoadedArrives(t *testing.T) {
	t.Parallel()
	for _, signal := range []Signal{Logs, Traces} {
		t.Run(string(signal), func(t *testing.T) {
			t.Parallel()
			sink := NewOTLPSink(t)
			load := Load(t, sink.URL()+signal.Path(), 200)
			load.WaitAcknowledged(t, 20, Patience)
			report := load.Stop()
			assert.GreaterOrEqual(t, len(report.Acknowledged()), 20)
			assert.Empty(t, report.Failures())
			assert.Empty(t, sink.Missing(report.Acknowledged(), Patience))
			got := sink.Received(signal)
			assert.Equal(t, len(report.Results), got.Requests)
			assert.Contains(t, string(got.Last), `"load-`)
			assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
		})
	}
}

func TestWhatWasNotDeliveredIsMissing(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"load-x"}, NewOTLPSink(t).Missing([]string{"load-x"}, time.Millisecond))
}

func TestASinkReadsCompressedProtobuf(t *testing.T) {
	t.Parallel()
	const id = "load-0123456789abcdef-00000042"
	sink := NewOTLPSink(t)
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	_, err := zip.Write([]byte("\x0a\x1e" + id + "\x12"))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sink.URL()+"/v1/metrics", &body)
	require.NoError(t, err)
	request.Header.Set("Content-Encoding", "gzip")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	got := sink.WaitFor(t, Metrics, Patience, func(r Received) bool { return r.Requests == 1 })
	assert.Equal(t, len(id)+3, got.Bytes)
	assert.Empty(t, sink.Missing([]string{id}, Patience))
	failure := fails(t, func(tb testing.TB) { //nolint:thelper // not one
		sink.WaitFor(tb, Logs, time.Millisecond, func(Received) bool { return false })
	})
	assert.Contains(t, failure, "0 requests with 0 bytes of logs")
}

func TestAReceiverThatIsAwayIsMeasured(t *testing.T) {
	t.Parallel()
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + closed.Addr().String() + "/v1/logs"
	require.NoError(t, closed.Close())
	load := Load(t, url, 100)
	failure := fails(t, func(tb testing.TB) { load.WaitAcknowledged(tb, 1, 50*time.Millisecond) }) //nolint:thelper // not one
	assert.Contains(t, failure, "did not acknowledge 1 requests")
	report := load.Stop()
	assert.Empty(t, report.Acknowledged())
	assert.NotEmpty(t, report.Failures())
	gap, began := report.LongestGap()
	assert.Equal(t, report.Ended.Sub(report.Began), gap, "all of it")
	assert.Equal(t, report.Began, began)
}

func TestARefusalIsAFailure(t *testing.T) {
	t.Parallel()
	sink := NewOTLPSink(t)
	l := &Loader{url: sink.URL() + "/elsewhere", client: http.DefaultClient}
	require.ErrorContains(t, l.post("id"), "answered 404")
}

func TestTheLongestGapIsBetweenAcknowledgements(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	failed := errors.New("refused")
	report := LoadReport{Began: at(0), Ended: at(100), Results: []Result{
		{Done: at(50)}, {Done: at(52)}, {Done: at(60), Err: failed}, {Done: at(80)}, {Done: at(90)},
	}}
	gap, began := report.LongestGap()
	assert.Equal(t, 28*time.Millisecond, gap)
	assert.Equal(t, at(52), began)
	report.Ended = at(190)
	gap, _ = report.LongestGap()
	assert.Equal(t, 100*time.Millisecond, gap, "an outage that goes on counts")
	assert.Len(t, report.Failures(), 1)
}

func TestThePayloadIsOneRecordWithItsID(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 1, strings.Count(payload("http://x/v1/logs", "the-id"), "the-id"))
	assert.JSONEq(t, payload("http://x/v1/traces", "the-id"), payload("http://y/v1/traces", "the-id"))
}
