package health

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func fixed(s Status) func(context.Context) (Status, bool) {
	return func(context.Context) (Status, bool) { return s, true }
}

// silent is an event loop that hangs.
func silent(ctx context.Context) (Status, bool) {
	<-ctx.Done()
	return Status{}, false
}

func ask(state func(context.Context) (Status, bool), method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	routes(state).ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestEachPathAnswersForItsOwnAspect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status Status
		want   map[string]int
	}{
		"nothing yet": {Status{}, map[string]int{"/health": 503, "/livez": 200, "/startupz": 503, "/readyz": 503}},
		"decided":     {Status{Started: true}, map[string]int{"/health": 503, "/livez": 200, "/startupz": 200, "/readyz": 503}},
		"composed":    {Status{Started: true, Composed: true}, map[string]int{"/health": 200, "/livez": 200, "/startupz": 200, "/readyz": 503}},
		"healthy":     {Status{Started: true, Composed: true, CollectorHealthy: true}, map[string]int{"/health": 200, "/livez": 200, "/startupz": 200, "/readyz": 200}},
	} {
		for path, want := range c.want {
			assert.Equal(t, want, ask(fixed(c.status), http.MethodGet, path).Code, "%s %s", name, path)
		}
	}
}

func TestHealthIsEmptyWhenFineAndAShortTextBefore(t *testing.T) {
	t.Parallel()
	assert.Empty(t, ask(fixed(Status{Started: true, Composed: true}), http.MethodGet, "/health").Body.String())
	assert.Equal(t, "starting: there is no composed configuration yet\n", ask(fixed(Status{}), http.MethodGet, "/health").Body.String())
}

func TestALoopThatHangsIsNotAliveAfterTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		w := ask(silent, http.MethodGet, "/livez")
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.Equal(t, "the event loop does not answer\n", w.Body.String())
		assert.Equal(t, 2*time.Second, time.Since(from))
	})
}

func TestReadyzSaysWhyInOneShortLine(t *testing.T) {
	t.Parallel()
	problem := "exit code 1\r\nX-Forged: yes\x1b[31m" + strings.Repeat("é", 1000)
	got := ask(fixed(Status{Problem: problem}), http.MethodGet, "/readyz").Body.String()
	assert.True(t, strings.HasPrefix(got, "exit code 1  X-Forged: yes [31m"), got)
	assert.Len(t, []rune(got), 257)
	assert.Equal(t, "the Collector is not healthy\n", ask(fixed(Status{}), http.MethodGet, "/readyz").Body.String())
}

func TestOtherPathsAndMethodsAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/health/", "/metrics", "/healthz"} {
		assert.Equal(t, http.StatusNotFound, ask(fixed(Status{}), http.MethodGet, path).Code, path)
	}
	assert.Equal(t, http.StatusMethodNotAllowed, ask(fixed(Status{}), http.MethodPost, "/health").Code)
	assert.Equal(t, http.StatusOK, ask(fixed(Status{}), http.MethodHead, "/livez").Code)
}

// run serves until the test ends and returns the address and the way to stop.
func run(t *testing.T, s Settings) (address string, stop func() error) {
	t.Helper()
	var err error
	s.Listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, s) }()
	t.Cleanup(cancel)
	return s.Listener.Addr().String(), func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(20 * time.Second):
			return context.DeadlineExceeded
		}
	}
}

func get(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	response, err := client.Get(url)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	assert.True(t, response.Close, "connections are not kept")
	return response.StatusCode
}

func TestServeAnswersAndEndsCleanly(t *testing.T) {
	t.Parallel()
	address, stop := run(t, Settings{State: fixed(Status{})})
	assert.Equal(t, http.StatusOK, get(t, &http.Client{}, "http://"+address+"/livez"))
	require.NoError(t, stop())
	_, err := net.Dial("tcp", address)
	assert.Error(t, err, "the listener is closed")
}

func TestServeSpeaksTLS(t *testing.T) {
	t.Parallel()
	lender := httptest.NewTLSServer(nil) // for its certificate and a client that trusts it
	t.Cleanup(lender.Close)
	address, stop := run(t, Settings{
		State: fixed(Status{}),
		TLS:   &tls.Config{Certificates: lender.TLS.Certificates, MinVersion: tls.VersionTLS12},
	})
	assert.Equal(t, http.StatusOK, get(t, lender.Client(), "https://"+address+"/livez"))
	require.NoError(t, stop())
}

func TestAnAnswerUnderWayIsFinished(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	address, stop := run(t, Settings{State: func(context.Context) (Status, bool) {
		close(asked)
		<-answer
		return Status{Started: true, Composed: true}, true
	}})
	code := make(chan int, 1)
	go func() {
		response, err := http.Get("http://" + address + "/health")
		if err != nil {
			code <- 0
			return
		}
		_ = response.Body.Close()
		code <- response.StatusCode
	}()
	<-asked
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	close(answer)
	assert.Equal(t, http.StatusOK, <-code)
	assert.NoError(t, <-ended)
}

func TestConnectionsThatSayNothingDoNotKeepTheServerFromEnding(t *testing.T) {
	t.Parallel()
	address, stop := run(t, Settings{State: fixed(Status{})})
	for range maxConnections / 2 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	assert.Equal(t, http.StatusOK, get(t, &http.Client{}, "http://"+address+"/livez"))
	assert.NoError(t, stop())
}

func TestAPortThatIsTakenIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	err = Serve(t.Context(), Settings{Endpoint: taken.Addr().String(), State: fixed(Status{})})
	require.ErrorContains(t, err, taken.Addr().String())
	assert.ErrorContains(t, err, "healthcheck.endpoint")
}
