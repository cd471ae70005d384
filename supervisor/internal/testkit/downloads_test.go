package testkit

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answered is an answer with as much of its body as came.
type answered struct {
	status int
	header http.Header
	length int64
	body   string
}

// get asks for /f.
func get(t *testing.T, d *Downloads, pairs ...string) (answered, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL("/f"), http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	client := d.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answered{response.StatusCode, response.Header, response.ContentLength, string(body)}, err
}

func TestDownloadsServesRangesAndTags(t *testing.T) {
	t.Parallel()
	d := NewTLSDownloads(t)
	d.Put("/f", DownloadFile{Body: []byte("0123456789")})
	whole, err := get(t, d)
	require.NoError(t, err)
	assert.Equal(t, "0123456789", whole.body)

	rest, err := get(t, d, "Range", "bytes=4-", "If-Range", whole.header.Get("ETag"))
	require.NoError(t, err)
	assert.Equal(t, "456789", rest.body)
	assert.Equal(t, "bytes 4-9/10", rest.header.Get("Content-Range"))
	changed, err := get(t, d, "Range", "bytes=4-", "If-Range", `"another"`)
	require.NoError(t, err)
	assert.Equal(t, "0123456789", changed.body)
	outside, err := get(t, d, "Range", "bytes=10-")
	require.NoError(t, err)
	assert.Equal(t, http.StatusRequestedRangeNotSatisfiable, outside.status)

	assert.Equal(t, []string{"", "bytes=4-", "bytes=4-", "bytes=10-"}, d.Ranges())
	assert.Equal(t, int64(6), d.Requests()[1].Sent)
	assert.Equal(t, http.StatusPartialContent, d.WaitRequests(t, 2).Status)
}

func TestDownloadsMisbehavesAsTold(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		fault  DownloadFault
		ranges string
		want   answered // header: those that matter
		err    string
	}{
		{name: "no fault", ranges: "bytes=5-", want: answered{status: 206, length: 5, body: "56789"}},
		{name: "no header", fault: DropAt(0), err: "EOF"},
		{name: "drop", fault: DropAt(4), want: answered{status: 200, length: 10, body: "0123"}, err: "unexpected EOF"},
		{name: "drop of a part", fault: DropAt(7), ranges: "bytes=5-", want: answered{status: 206, length: 5, body: "56"}, err: "unexpected EOF"},
		{name: "too much", fault: LieAboutLength(12), want: answered{status: 200, length: 12, body: "0123456789"}, err: "unexpected EOF"},
		{name: "too little", fault: LieAboutLength(8), want: answered{status: 200, length: 8, body: "01234567"}},
		{name: "no length", fault: WithoutLength(), want: answered{status: 200, length: -1, body: "0123456789"}},
		{name: "no ranges", fault: WithoutRanges(), ranges: "bytes=5-", want: answered{status: 200, length: 10, body: "0123456789"}},
		{name: "slow", fault: Throttle(4, time.Millisecond), want: answered{status: 200, length: 10, body: "0123456789"}},
		{name: "no HTTP", fault: Raw("x\r\n"), err: "malformed"},
		{name: "status", fault: AnswerWith(503, "X", "7"), want: answered{status: 503, header: http.Header{"X": {"7"}}}},
		{name: "redirect", fault: RedirectTo("/else"), want: answered{status: 302, header: http.Header{"Location": {"/else"}}}},
		{name: "headers", fault: WithHeaders("ETag", "", "X", "y"), want: answered{
			status: 200, length: 10, body: "0123456789", header: http.Header{"Etag": nil, "X": {"y"}},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := NewDownloads(t)
			d.Put("/f", DownloadFile{Body: []byte("0123456789")})
			d.Next(tc.fault)
			var pairs []string
			if tc.ranges != "" {
				pairs = []string{"Range", tc.ranges}
			}
			got, err := get(t, d, pairs...)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
			for name, values := range tc.want.header {
				assert.Equal(t, values, got.header.Values(name))
			}
			got.header, tc.want.header = nil, nil
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestADownloadFaultLastsAsLongAsWanted(t *testing.T) {
	t.Parallel()
	d := NewDownloads(t)
	d.Always(AnswerWith(500))
	d.Next(AnswerWith(501))
	for _, want := range []int{501, 500, 500} {
		got, err := get(t, d)
		require.NoError(t, err)
		assert.Equal(t, want, got.status)
	}
	d.Always(nil)
	got, err := get(t, d)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, got.status)
}

func TestDownloadsEndsWithAClientThatNeverGetsItAll(t *testing.T) {
	t.Parallel()
	for _, fault := range []DownloadFault{Silent(), Endless(), Throttle(1, time.Hour)} {
		d := NewDownloads(t)
		d.Put("/f", DownloadFile{Body: []byte("0123456789")})
		d.Always(fault)
		go func() {
			if response, err := d.server.Client().Get(d.URL("/f")); err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		}()
		d.WaitRequests(t, 1)
	}
}
