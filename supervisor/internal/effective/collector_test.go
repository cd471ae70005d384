package effective

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// collector gives the path of a real Collector, and skips the test where there is none.
func collector(t *testing.T) string {
	t.Helper()
	path := os.Getenv("OPAMPD_TEST_COLLECTOR")
	if path == "" {
		t.Skip("OPAMPD_TEST_COLLECTOR does not name a Collector")
	}
	return path
}

// command is the Collector with the rendered configuration.
func command(ctx context.Context, t *testing.T, config []byte, arguments ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "effective.yaml")
	require.NoError(t, os.WriteFile(path, config, 0o600))
	cmd := exec.CommandContext(ctx, collector(t), append(arguments, "--feature-gates", "service.AllowNoPipelines", "--config", path)...)
	cmd.Env = append(os.Environ(), "OPAMPD_LINK_TOKEN=t")
	return cmd
}

func TestCollectorAcceptsWhatIsRendered(t *testing.T) {
	t.Parallel()
	for _, name := range cases(t) {
		if name == "nop-pipeline" { // for Collectors without the gate, which have a nop receiver; the lean one has not
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := command(t.Context(), t, render(t, input(t, name)).YAML, "validate").CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
}

// run starts the Collector and waits until it says that it is ready. It is stopped and waited for by the returned function.
func run(t *testing.T, config []byte) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := command(ctx, t, config)
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	require.NoError(t, cmd.Start())
	ready, output := make(chan struct{}), make(chan string, 1)
	go func() {
		var all strings.Builder
		buffer := make([]byte, 4096)
		seen := false
		for {
			n, err := reader.Read(buffer)
			all.Write(buffer[:n])
			if !seen && strings.Contains(all.String(), "Everything is ready") {
				seen = true
				close(ready)
			}
			if err != nil {
				output <- all.String()
				return
			}
		}
	}()
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		_ = writer.Close()
		cancel()
	}
	select {
	case <-ready:
	case <-ctx.Done():
		stop()
		require.Fail(t, "the Collector did not become ready", <-output)
	}
	return stop
}

func TestCollectorDoesNotListenOn8888(t *testing.T) { // not parallel: the port is one
	collector(t)
	address := "127.0.0.1:8888"
	if probe, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		_ = probe.Close()
		t.Skip("another process listens on " + address)
	}
	defer run(t, render(t, remote()).YAML)()
	_, err := net.DialTimeout("tcp", address, time.Second)
	assert.Error(t, err)
}

func TestOwnTelemetryReachesTheVeryPathWithItsHeaders(t *testing.T) { // S-207, S-208
	t.Parallel()
	collector(t)
	const header = "pa$$w0rd ${env:HOME} $x \"quoted\" # : }"
	type request struct{ path, contentType, header string }
	requests := make(chan request, 100) // dropping what does not fit
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case requests <- request{r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("X-Secret")}:
		default:
		}
	}))
	defer server.Close()
	at := func(path string) *Destination {
		return &Destination{Endpoint: server.URL + path, Headers: map[string]string{"X-Secret": header}}
	}
	in := remote("receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\nexporters: {debug: }\nservice: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}")
	in.Telemetry = OwnTelemetry{Metrics: at("/own/m$x"), Logs: at("/own/v1/logs/here")}
	in.Resource = map[string]string{"team": "$a ${env:HOME}"}
	stop := run(t, render(t, in).YAML)
	select {
	case first := <-requests: // the logs: by now the Collector heeds signals, and it sends the metrics on stopping
		requests <- first
	case <-time.After(30 * time.Second):
	}
	stop()
	seen := map[string]bool{}
	for len(requests) > 0 {
		r := <-requests
		assert.Equal(t, "application/x-protobuf", r.contentType)
		assert.Equal(t, header, r.header)
		seen[r.path] = true
	}
	assert.Equal(t, map[string]bool{"/own/m$x": true, "/own/v1/logs/here": true}, seen)
}
