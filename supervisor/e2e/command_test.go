//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// command runs opampd to its end and returns what it said and its exit code.
func command(tb testing.TB, args ...string) (stdout, stderr string, code int) {
	tb.Helper()
	opampd, _ := programs(tb)
	cmd := exec.CommandContext(tb.Context(), opampd, args...)
	var out, diagnosis strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diagnosis
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil {
		require.ErrorAs(tb, err, &failed)
	}
	require.True(tb, err == nil || errors.As(err, &failed))
	return out.String(), diagnosis.String(), cmd.ProcessState.ExitCode()
}

func TestAWrongFileIsRefusedWithLineAndKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, line, key string }{
		"unknown key":   {"server:\n  endpont: ws://localhost\n", ":2", "server.endpont"},
		"wrong type":    {"server: {endpoint: ws://localhost}\nagent:\n  executable: /bin/true\n  stop_timeout: soon\n", ":4", "agent.stop_timeout"},
		"no endpoint":   {"agent: {executable: /bin/true}\n", "", "server.endpoint"},
		"not YAML":      {"server: {\n", ":", "supervisor.yaml"},
		"empty":         {"", "", "server.endpoint"},
		"no executable": {"server: {endpoint: ws://localhost}\n", "", "agent.executable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir() + "/supervisor.yaml"
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			for _, words := range [][]string{{"run"}, {"validate"}, {"config", "print"}, {}} {
				_, stderr, code := command(t, append(words, "--config", path)...)
				assert.Equal(t, 3, code, words)
				assert.Contains(t, stderr, path+c.line)
				assert.Contains(t, stderr, c.key)
			}
		})
	}
}

func TestAFileThatIsNotThereIsAnErrorOfTheConfiguration(t *testing.T) {
	t.Parallel()
	_, stderr, code := command(t, "run", "--config", "/nowhere/supervisor.yaml")
	assert.Equal(t, 3, code)
	assert.Contains(t, stderr, "/nowhere/supervisor.yaml")
}

func TestAWrongCommandLineIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--nonsense"},
		{"run", "--nonsense"},
		{"run", "nonsense"},
		{"nonsense"},
		{"validate", "--config"},
		{"run", "--set", "nonsense", "--config", "x"},
		{"version", "nonsense"},
	} {
		_, stderr, code := command(t, args...)
		assert.Equal(t, 2, code, args)
		assert.Contains(t, stderr, "opampd: ", args)
	}
}

func TestTheVersionIsToldToPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	text, _, code := command(t, "version")
	assert.Equal(t, 0, code)
	assert.True(t, strings.HasPrefix(text, "opampd "), text)
	text, _, code = command(t, "version", "--json")
	assert.Equal(t, 0, code)
	var told map[string]string
	require.NoError(t, json.Unmarshal([]byte(text), &told))
	assert.NotEmpty(t, told["version"])
	assert.Equal(t, "linux", told["os"])
	assert.NotEmpty(t, told["opamp_go"])
}

func TestTheConfigurationIsCheckedAndPrintedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	d := prepare(t, settings{
		endpoint: "ws://127.0.0.1:1", agent: "probation: 7s\nenv: {PASSWORD: mellon}",
		extra: "  resource: {a: b}",
	})
	stdout, stderr, code := command(t, "validate", "--config", d.path("supervisor.yaml"))
	require.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "is valid")
	stdout, stderr, code = command(t, "config", "print", "--config", d.path("supervisor.yaml"), "--set", "agent.stop_timeout=3s")
	require.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "7s")
	assert.Contains(t, stdout, "3s")
	assert.NotContains(t, stdout, "mellon")
}

func TestAnExecutableThatIsNotThereIsAProblemForValidateOnly(t *testing.T) {
	t.Parallel()
	d := prepare(t, settings{endpoint: "ws://127.0.0.1:1", executable: "/nowhere/otelcol"})
	_, stderr, code := command(t, "validate", "--config", d.path("supervisor.yaml"))
	assert.Equal(t, 3, code)
	assert.Contains(t, stderr, "/nowhere/otelcol")
}

func TestConfigAloneRunsTheDaemon(t *testing.T) {
	t.Parallel()
	server := testkit.NewServer(t)
	d := prepare(t, settings{endpoint: server.WebSocketURL()})
	opampd, _ := programs(t)
	d.launch(exec.Command(opampd, "--config", d.path("supervisor.yaml")))
	server.WaitHealthy(t, true)
	assert.Equal(t, 0, d.stop())
}

// launch is start with another command line.
func (d *daemon) launch(cmd *exec.Cmd) {
	d.tb.Helper()
	require.NoError(d.tb, cmd.Start())
	done := make(chan struct{})
	d.cmd, d.done = cmd, done
	go func() { defer close(done); _ = cmd.Wait() }()
}

func TestASecondOpampdOnTheSameDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	pid := h.collector()
	_, stderr, code := command(t, "run", "--config", h.path("supervisor.yaml"))
	assert.Equal(t, 4, code)
	assert.Contains(t, stderr, "in use by process "+pidText(h.cmd.Process.Pid))
	h.serving()
	assert.Equal(t, pid, h.collector())
	h.alone()
}
