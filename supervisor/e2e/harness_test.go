// Package e2e runs the built programs: opampd under test, the real Collector, a
// scripted OpAMP server, real signals.
package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// patience is how long an event may take on a machine that does much else.
const patience = 20 * time.Second

const (
	applying = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING
	applied  = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED
	failed   = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED
)

// daemon is an opampd with a storage directory of its own.
type daemon struct {
	tb   testing.TB
	dir  string
	env  []string // nil for ours
	cmd  *exec.Cmd
	done chan struct{}
}

// settings is supervisor.yaml, section by section; what a test leaves out has what
// most tests want.
type settings struct {
	endpoint, executable  string
	capabilities          string
	agent, storage, extra string
}

// programs names the programs under test; without them there is nothing to run.
func programs(tb testing.TB) (opampd, collector string) {
	tb.Helper()
	opampd, collector = os.Getenv("OPAMPD_TEST_BINARY"), os.Getenv("OPAMPD_TEST_COLLECTOR")
	if opampd == "" || collector == "" {
		tb.Skip("OPAMPD_TEST_BINARY and OPAMPD_TEST_COLLECTOR name no programs; make e2e does")
	}
	return opampd, collector
}

// prepare writes supervisor.yaml and starts nothing.
func prepare(tb testing.TB, s settings) *daemon {
	tb.Helper()
	_, collector := programs(tb)
	d := &daemon{tb: tb, dir: tb.TempDir()}
	if s.executable == "" {
		s.executable = collector
	}
	d.write(s)
	tb.Cleanup(d.clean)
	return d
}

func (d *daemon) write(s settings) {
	d.tb.Helper()
	text := fmt.Sprintf(`server: {endpoint: "%s"}
capabilities: {accepts_remote_config: true, accepts_restart_command: true, reports_available_components: true%s}
agent:
  executable: %s
%s
storage:
  directory: %s
%s
telemetry:
  logs: {level: debug, encoding: console, output_paths: ["%s"]}
%s
`, s.endpoint, s.capabilities, s.executable, indent(s.agent), d.path("state"), indent(s.storage), d.path("opampd.log"), s.extra)
	require.NoError(d.tb, os.WriteFile(d.path("supervisor.yaml"), []byte(text), 0o600))
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

func (d *daemon) path(elem ...string) string {
	return filepath.Join(append([]string{d.dir}, elem...)...)
}

// run prepares and starts.
func run(tb testing.TB, s settings) *daemon {
	tb.Helper()
	d := prepare(tb, s)
	d.start()
	return d
}

func (d *daemon) start() {
	d.tb.Helper()
	opampd, _ := programs(d.tb)
	d.cmd = exec.Command(opampd, "run", "--config", d.path("supervisor.yaml"))
	d.cmd.Env = d.env
	out, err := os.OpenFile(d.path("stderr.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(d.tb, err)
	d.cmd.Stdout, d.cmd.Stderr = out, out
	require.NoError(d.tb, d.cmd.Start())
	require.NoError(d.tb, out.Close())
	done, cmd := make(chan struct{}), d.cmd
	d.done = done
	go func() { defer close(done); _ = cmd.Wait() }()
}

// wait waits for the end of opampd and returns its exit code.
func (d *daemon) wait() int {
	d.tb.Helper()
	select {
	case <-d.done:
	case <-time.After(patience):
		require.Fail(d.tb, "opampd does not end")
	}
	return d.cmd.ProcessState.ExitCode()
}

func (d *daemon) signal(s syscall.Signal) {
	d.tb.Helper()
	require.NoError(d.tb, d.cmd.Process.Signal(s))
}

// stop ends opampd as systemd would.
func (d *daemon) stop() int {
	d.tb.Helper()
	d.signal(syscall.SIGTERM)
	return d.wait()
}

// crash ends opampd as the kernel would.
func (d *daemon) crash() {
	d.tb.Helper()
	d.signal(syscall.SIGKILL)
	d.wait()
}

// collector returns the pid of the Collector that opampd wrote down; 0 is none.
func (d *daemon) collector() int {
	var document struct {
		State struct {
			Process struct {
				PID int `json:"pid"`
			} `json:"process"`
		} `json:"state"`
	}
	text, err := os.ReadFile(d.path("state", "run.json"))
	if err != nil || json.Unmarshal(text, &document) != nil {
		return 0
	}
	return document.State.Process.PID
}

// alive reports whether a process exists and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// clean leaves no process behind, and shows what opampd said when the test failed.
func (d *daemon) clean() {
	if d.cmd != nil {
		_ = d.cmd.Process.Kill()
		<-d.done
	}
	if pid := d.collector(); pid != 0 && alive(pid) {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	if d.tb.Failed() {
		for _, name := range []string{"stderr.log", "opampd.log", "state/logs/collector.log"} {
			text, _ := os.ReadFile(d.path(name))
			d.tb.Logf("%s:\n%s", name, text[max(0, len(text)-12000):])
		}
	}
}

// pipeline is a Collector configuration that takes OTLP/HTTP at addr and sends it to
// a sink. The note makes it another configuration with the same behaviour.
func pipeline(addr, sink, note string) map[string]string {
	return map[string]string{"collector.yaml": fmt.Sprintf(`
receivers:
  otlp: {protocols: {http: {endpoint: "%s"}}}
processors:
  resource: {attributes: [{key: note, value: "%s", action: upsert}]}
exporters:
  otlphttp: {endpoint: "%s", retry_on_failure: {enabled: false}}
service:
  pipelines:
    logs: {receivers: [otlp], processors: [resource], exporters: [otlphttp]}
`, addr, note, sink)}
}

// host is a running agent with everything around it.
type host struct {
	*daemon
	server *testkit.Server
	sink   *testkit.OTLPSink
	addr   string // where the Collector takes OTLP/HTTP
}

func (h *host) url() string { return "http://" + h.addr + "/v1/logs" }

// working starts an agent and brings it to a first applied configuration.
func working(tb testing.TB, tr testkit.Transport, s settings, opts ...testkit.Option) (*host, []byte) {
	tb.Helper()
	programs(tb)
	server := testkit.NewServer(tb, opts...)
	s.endpoint = server.WebSocketURL()
	if tr == testkit.PlainHTTP {
		s.endpoint = server.HTTPURL()
		server.OfferConnection(&protobufs.ConnectionSettingsOffers{
			Opamp: &protobufs.OpAMPConnectionSettings{HeartbeatIntervalSeconds: 1}, // nothing but the next poll brings an offer
		})
	}
	h := &host{server: server, sink: testkit.NewOTLPSink(tb), addr: testkit.FreePort(tb)}
	hash := server.Offer(pipeline(h.addr, h.sink.URL(), "first"))
	h.daemon = run(tb, s)
	server.WaitStatus(tb, hash, applied)
	return h, hash
}

// serving waits until the Collector takes data.
func (h *host) serving() {
	h.tb.Helper()
	load := testkit.Load(h.tb, h.url(), 50)
	load.WaitAcknowledged(h.tb, 1, patience)
	load.Stop()
}

// taken occupies a port until the test ends.
func taken(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
