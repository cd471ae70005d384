package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlagsOverrideEnvironmentOverridesFileOverridesDefaults(t *testing.T) {
	t.Parallel()
	o := write(t, "agent: {probation: 1s, stop_timeout: 1s, bootstrap_timeout: 1s}")
	o.Environ = []string{"OPAMPD_AGENT__PROBATION=2s", "OPAMPD_AGENT__STOP_TIMEOUT=2s"}
	o.Flags["agent.probation"] = 3 * time.Second
	p := accepted(t, o).Config.Agent
	assert.Equal(t, 3*time.Second, p.Probation)
	assert.Equal(t, 2*time.Second, p.StopTimeout)
	assert.Equal(t, time.Second, p.BootstrapTimeout)
	assert.Equal(t, 5*time.Second, p.ConfigApplyTimeout)
}

func TestEnvironmentSetsEveryType(t *testing.T) {
	t.Parallel()
	o := write(t, "server: {headers: {A: file}}\n")
	o.Environ = []string{
		"OPAMPD_SERVER__HEADERS={Authorization: Bearer x, B: [1, 2]}",
		"OPAMPD_SERVER__MAX_MESSAGE_SIZE=1MiB",
		"OPAMPD_SERVER__TLS__INSECURE_SKIP_VERIFY=true",
		"OPAMPD_AGENT__ARGS=--a, --b=${c}",
		"OPAMPD_AGENT__CONFIG_FILES=['testdata/local.yaml', $$REMOTE_CONFIG]",
		"OPAMPD_AGENT__ENV={A: b}",
		"OPAMPD_AGENT__OPAMP_SERVER_PORT=99",
		"OPAMPD_TELEMETRY__LOGS__PROCESSORS=[{simple: {exporter: {otlp: {endpoint: 'http://localhost'}}}}]",
		"OPAMPD_TELEMETRY__RESOURCE={service.name: x}",
		"OPAMPD_STORAGE__DIRECTORY=",
	}
	c := accepted(t, o).Config
	assert.Equal(t, Headers{"Authorization": {"Bearer x"}, "B": {"1", "2"}}, c.Server.Headers, "a map is replaced, not merged")
	assert.Equal(t, int64(1<<20), c.Server.MaxMessageSize)
	assert.True(t, c.Server.TLS.InsecureSkipVerify)
	assert.Equal(t, []string{"--a", "--b=${c}"}, c.Agent.Args, "only the file is expanded")
	assert.Equal(t, []string{"testdata/local.yaml", "$REMOTE_CONFIG"}, c.Agent.ConfigFiles)
	assert.Equal(t, 99, c.Agent.OpAMPServerPort)
	assert.Equal(t, "http://localhost", c.Telemetry.Logs.Processors[0].Simple.Exporter.OTLP.Endpoint)
	assert.Equal(t, map[string]string{"service.name": "x"}, c.Telemetry.Resource)
	assert.Equal(t, "/var/lib/otelcol/supervisor", c.Storage.Directory, "an empty variable counts as not set")
}

func TestEnvironmentFaultsNameTheVariable(t *testing.T) {
	t.Parallel()
	o := write(t, "")
	o.Environ = []string{
		"OPAMPD_AGENT__PROBATION=soon", "OPAMPD_AGENT__EXECUTABEL=x", "OPAMPD_SERVER__HEADERS={a", "OPAMPD_AGENT__RESTART={}",
	}
	assert.Equal(t, []string{
		"OPAMPD_AGENT__EXECUTABEL: agent.executabel: unknown key; did you mean agent.executable?",
		`OPAMPD_AGENT__PROBATION: agent.probation: must be a duration with a unit, such as 5s or 1m30s, got "soon"`,
		"OPAMPD_AGENT__RESTART: agent.restart: unknown key; did you mean agent.restart?",
		"OPAMPD_SERVER__HEADERS: server.headers: is not YAML, such as [a, b] or {a: b}",
	}, refused(t, o))
}

func TestVariablesThatKubernetesMakesAreNotRefused(t *testing.T) {
	t.Parallel()
	o := write(t, "")
	o.Environ = []string{"OPAMPD_SERVICE_HOST=10.0.0.1", "OPAMPD_PORT=tcp://10.0.0.1:4320", "OPAMPDX=1"}
	assert.Len(t, accepted(t, o).Warnings, 2)
}

func TestOldNamesWorkInTheEnvironment(t *testing.T) {
	t.Parallel()
	o := write(t, "agent: {startup_fallback_configs: [/file]}")
	o.Environ = []string{"OPAMPD_AGENT__INITIAL_FALLBACK_CONFIGS=/env", "OPAMPD_CAPABILITIES__REPORTS_REMOTE_CONFIG=true"}
	l := accepted(t, o)
	assert.Equal(t, []string{"/env"}, l.Config.Agent.StartupFallbackConfigs)
	assert.Contains(t, l.Warnings[0].String()+l.Warnings[1].String(), "deprecated")
}

func TestFlagsTakeGoValues(t *testing.T) {
	t.Parallel()
	o := write(t, "")
	o.Flags["agent.args"] = []string{"a,b", "c"}
	o.Flags["agent.validate_config"] = false
	o.Flags["agent.opamp_server_port"] = 7
	a := accepted(t, o).Config.Agent
	assert.Equal(t, []string{"a,b", "c"}, a.Args)
	assert.Equal(t, 7, a.OpAMPServerPort)
	assert.False(t, a.ValidateConfig)

	o.Flags = map[string]any{"agent.probation": "soon", "agent.nothing": 1, "server.endpoint": struct{}{}, "agent.executable": ""}
	o.FlagNames = map[string]string{"agent.probation": "probation"}
	got := strings.Join(refused(t, o), "\n")
	require.Contains(t, got, "flag --probation: agent.probation: must be a duration")
	require.Contains(t, got, "flag --agent.nothing: agent.nothing: unknown key")
	require.Contains(t, got, "flag --server.endpoint: server.endpoint: cannot be given as a flag of type struct {}")
	require.Contains(t, got, "flag --agent.executable: agent.executable: agent::executable must be specified")
}

func TestFilesAreWarningsForADaemonAndProblemsForAValidation(t *testing.T) {
	t.Parallel()
	o := Options{Path: "testdata/files.good.yaml"}
	assert.Len(t, accepted(t, o).Warnings, 4)
	o.CheckFiles = true
	assert.Equal(t, []string{
		"FILE:2: server.tls: invalid server::tls settings: failed to load CA: cannot read the file: stat testdata/missing.pem: no such file or directory",
		"FILE:4: agent.executable: could not stat agent::executable path: stat testdata/missing: no such file or directory",
		"FILE:5: agent.config_files: cannot read the file: open testdata/missing.yaml: no such file or directory",
		"FILE:5: agent.config_files: testdata is a directory, not a file",
	}, refused(t, o))
}

func TestAFallbackThatCannotBeReadIsNeverMoreThanAWarning(t *testing.T) {
	t.Parallel() // W39
	o := write(t, "agent: {startup_fallback_configs: [testdata/missing.yaml]}")
	o.CheckFiles = true
	warnings := accepted(t, o).Warnings
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0].Message, "it will be left out")
}

func TestExecutableMustBeAFileThatExecutes(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"testdata":            "agent::executable testdata is a directory",
		"testdata/local.yaml": "agent::executable testdata/local.yaml does not have the executable bit set; try chmod +x",
	} {
		o := write(t, "")
		o.Flags["agent.executable"], o.CheckFiles = path, true
		assert.Equal(t, []string{"flag --agent.executable: agent.executable: " + want}, refused(t, o))
	}
}

func TestCredentialsInClearAreAWarning(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]int{"ws://example.com": 1, "ws://127.0.0.1": 0, "http://[::1]:1": 0, "ws://localhost": 0} {
		o := write(t, "server: {headers: {A: b}}")
		o.Flags["server.endpoint"] = endpoint
		assert.Len(t, accepted(t, o).Warnings, want, endpoint)
	}
}
