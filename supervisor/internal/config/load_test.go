package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func environ() []string {
	return []string{"LOOP=${env:LOOP}${env:LOOP}", "PATH=/bin"}
}

// refused loads a file that must be refused and returns the report without the file's name.
func refused(t *testing.T, o Options) []string {
	t.Helper()
	_, err := Load(o)
	require.Error(t, err)
	var all *Error
	require.ErrorAs(t, err, &all)
	return strings.Split(strings.ReplaceAll(all.Error(), o.Path, "FILE"), "\n")
}

func accepted(t *testing.T, o Options) *Loaded {
	t.Helper()
	l, err := Load(o)
	require.NoError(t, err)
	return l
}

// badFiles holds, for each testdata/*.bad.yaml, everything that is to be said about it.
func badFiles() map[string][]string {
	return map[string][]string{
		"empty": {
			"FILE: server.endpoint: server::endpoint must be specified",
			"FILE: agent.executable: agent::executable must be specified",
		},
		"unknown": {
			"FILE:4: server.tls.insecure_skip_verfy: unknown key; did you mean server.tls.insecure_skip_verify?",
			"FILE:5: capabilitys: unknown key; did you mean capabilities?",
			"FILE:7: agent.executable: agent::executable must be specified",
			"FILE:8: agent.executabel: unknown key; did you mean agent.executable?",
			"FILE:10: agent.keep_configs: unknown key; did you mean storage.keep_configs?",
			"FILE:11: agent.zzzzzzzzzzzz: unknown key",
		},
		"types": {
			"FILE:2: server.endpoint: must be a string, not a list or a section",
			"FILE:3: server.headers: must be a map of header names to a string or a list of strings",
			`FILE:4: server.max_message_size: must be a number of bytes, or a size such as 64MiB, got "lots"`,
			`FILE:6: capabilities.accepts_remote_config: must be true or false, got "yes"`,
			`FILE:9: agent.opamp_server_port: must be a whole number, got "http"`,
			`FILE:10: agent.bootstrap_timeout: must be a duration with a unit, such as 5s or 1m30s, got "5"`,
			"FILE:11: agent.args: must be a list",
			"FILE:12: agent.env: must be a map of names to strings",
			`FILE:13: agent.reload: must be one of auto, hup, restart, got "softly"`,
			"FILE:14: storage: must be a section with keys of its own",
			`FILE:17: telemetry.logs.level: must be one of debug, info, warn, error, dpanic, panic, fatal, got "loud"`,
			"FILE:18: telemetry.logs.processors: must be a list",
		},
		"values": {
			`FILE:2: server.endpoint: invalid scheme "tcp" for server::endpoint, must be one of "http", "https", "ws", or "wss"`,
			"FILE:4: agent.executable: agent::executable must be specified",
			"FILE:5: agent.instance_id: agent::instance_id must be a valid UUID string when set",
			"FILE:6: agent.orphan_detection_interval: agent::orphan_detection_interval must be positive",
			"FILE:7: agent.config_apply_timeout: agent::config_apply_timeout must be valid duration, and positive",
			"FILE:8: agent.bootstrap_timeout: agent::bootstrap_timeout must be positive",
			"FILE:9: agent.opamp_server_port: agent::opamp_server_port must be a valid port number",
			"FILE:10: agent.collector_crash_log_snippet_kib: agent::collector_crash_log_snippet_kib must not be greater than 1024",
			"FILE:11: agent.probation: agent::probation must not be negative",
			"FILE:12: agent.stop_timeout: agent::stop_timeout must be positive",
			"FILE:13: agent.restart.max_delay: agent::restart::max_delay must not be less than initial_delay, 10s",
			"FILE:13: agent.restart.reset_after: agent::restart::reset_after must be positive",
			`FILE:14: agent.config_files: agent::config_files contains invalid special file: "$REMOTE_CFG". Must be one of [$OWN_TELEMETRY_CONFIG $OPAMP_EXTENSION_CONFIG $REMOTE_CONFIG]`,
			`FILE:14: agent.config_files: agent::config_files contains "$REMOTE_CONFIG" twice`,
			"FILE:18: agent.startup_fallback_configs: agent::startup_fallback_configs must not contain an empty path",
			"FILE:20: storage.directory: storage::directory must not be empty",
			"FILE:21: storage.keep_configs: storage::keep_configs must be at least 1",
			"FILE:23: healthcheck.endpoint: healthcheck::endpoint must contain a valid port number",
			"FILE:25: telemetry.logs.output_paths: telemetry::logs::output_paths must name at least one output",
			"FILE:27: telemetry.metrics.readers[0]: must have exactly one of periodic and pull",
			"FILE:30: telemetry.traces.processors[0]: must have exactly one of batch and simple",
		},
		"url": {
			"FILE:2: server.endpoint: invalid URL for server::endpoint: first path segment in URL cannot contain colon; write the scheme, as in wss://host:4320/v1/opamp",
			"FILE:5: agent.collector_crash_log_snippet_kib: agent::collector_crash_log_snippet_kib must not be negative",
			"FILE:7: healthcheck.endpoint: healthcheck::endpoint must be host:port, as in localhost:13133",
		},
		"host": {
			`FILE:1: server.endpoint: invalid scheme "" for server::endpoint, must be one of "http", "https", "ws", or "wss"; write the scheme, as in wss://host:4320/v1/opamp`,
		},
		"nohost": {"FILE:1: server.endpoint: server::endpoint names no host"},
		"tls": {
			"FILE:5: server.tls.ca_pem: invalid server::tls settings: provide either a CA file or the PEM-encoded string, but not both",
			"FILE:6: server.tls.cert_file: invalid server::tls settings: provide both certificate and key, or neither: the key is missing",
			"FILE:8: server.tls.max_version: invalid server::tls settings: min_version cannot be greater than max_version",
			`FILE:9: server.tls.cipher_suites: invalid server::tls settings: invalid TLS cipher suite: "TLS_RSA_WITH_RC4_128_SHA" is unknown or not secure`,
			`FILE:10: server.tls.curve_preferences: invalid server::tls settings: invalid curve type: "P257" is unknown`,
			"FILE:15: healthcheck.tls.cert_file: invalid healthcheck::tls settings: a server needs a certificate and a key",
		},
		"tlsversion": {`FILE:4: server.tls.min_version: must be one of 1.0, 1.1, 1.2, 1.3, got "1.4"`},
		"duplicate":  {"FILE:5: server: is there twice, first on line 1"},
		"syntax":     {"FILE:2: is not YAML: did not find expected key"},
		"list":       {"FILE:1: must be a section with keys of its own"},
		"expand": {
			"FILE:2: server.endpoint: cannot expand ${...}: a default needs the scheme: write ${env:MISSING:-...}",
			`FILE:4: server.headers.A: cannot expand ${...}: scheme "http" is not supported; only env and file are`,
			"FILE:5: server.headers.B: cannot expand ${...}: cannot read the file: stat testdata/missing: no such file or directory",
			"FILE:6: server.headers.C: cannot expand ${...}: testdata is not a regular file",
			`FILE:7: server.headers.D: cannot expand ${...}: "not a name" is not a name of an environment variable`,
			"FILE:8: server.headers.E: cannot expand ${...}: too many references or too long a text; does one lead back to itself?",
		},
		"packages": {
			"FILE:5: agent.package.agent_binary: must be a file name without a directory",
			`FILE:7: agent.package.verifier.type: must be one of cosign, got "gpg"`,
			`FILE:9: agent.package.verifier.cosign.github_workflow_repository: must be owner/name, or "" to skip the check`,
			"FILE:11: agent.package.verifier.cosign.identities[0].issuer: cannot specify both issuer and issuer_regex",
			`FILE:12: agent.package.verifier.cosign.identities[1].subject_regex: must be a regular expression (RE2), got "^b("`,
			"FILE:12: agent.package.verifier.cosign.identities[1].issuer: must specify one of issuer or issuer_regex",
			"FILE:13: agent.package.verifier.cosign.identities[2].isuer: unknown key; did you mean agent.package.verifier.cosign.identities[].issuer?",
			"FILE:16: packages.trust[0].kind: must be one of key, root, minisign, sigstore-key, sigstore, got \"pgp\"",
			"FILE:18: packages.trust[1].file: must be given",
			"FILE:20: packages.trust[2].file: must be an absolute path",
			"FILE:21: packages.trust[3].kind: must be given, one of key, root, minisign, sigstore-key, sigstore",
			"FILE:24: packages.trust[5]: is the same root as packages.trust[4]",
			"FILE:25: packages.trust[5].not_after: unknown key",
			"FILE:25: packages.trust[5].id: is the id of packages.trust[4] already",
			"FILE:26: packages.threshold: asks for 5 keys, but packages.trust has 4 of kind key, and none of kind root: no package could be accepted",
			"FILE:27: packages.root_threshold: must be at least 1",
			"FILE:28: packages.key_list: must be an absolute path",
			"FILE:29: packages.revocations: must be an absolute path",
			`FILE:30: packages.verify: must be one of signature, hash-only-insecure, got "none"`,
			`FILE:31: packages.allow_downgrade: must be one of signed, any, none, got "always"`,
			"FILE:32: packages.allowed_hosts[0]: must be the name or address of a host, without scheme, port and path, such as packages.example.com or *.example.com",
			"FILE:32: packages.allowed_hosts[1]: must be the name or address of a host, without scheme, port and path, such as packages.example.com or *.example.com",
			"FILE:32: packages.allowed_hosts[2]: must be the name or address of a host, without scheme, port and path, such as packages.example.com or *.example.com",
			"FILE:32: packages.allowed_hosts[3]: must be the name or address of a host, without scheme, port and path, such as packages.example.com or *.example.com",
			"FILE:32: packages.allowed_hosts[4]: must be the name or address of a host, without scheme, port and path, such as packages.example.com or *.example.com",
			"FILE:33: packages.mirrors[0]: must be a URL with scheme and host, such as https://packages.example.com/otelcol",
			"FILE:33: packages.mirrors[1]: is plain http; use https, or set packages.allow_http: true",
			"FILE:33: packages.mirrors[2]: must have no user, password, query or fragment: it is shown in messages",
			"FILE:33: packages.mirrors[3]: must have no user, password, query or fragment: it is shown in messages",
			"FILE:33: packages.mirrors[4]: must be a URL with scheme and host, such as https://packages.example.com/otelcol",
			"FILE:33: packages.mirrors[5]: must be a URL with scheme and host, such as https://packages.example.com/otelcol",
			"FILE:33: packages.mirrors[6]: must be a URL with scheme and host, such as https://packages.example.com/otelcol",
			"FILE:34: packages.max_size: must be positive",
			"FILE:35: packages.max_unpacked_size: must be positive",
			`FILE:36: packages.rate_limit: must be a number of bytes, or a size such as 64MiB, got "fast"`,
			"FILE:37: packages.stall_timeout: must be at least 1s",
			"FILE:38: packages.watch: must be at least 1s",
			"FILE:39: packages.unhealthy_limit: must be at least 1s",
			"FILE:40: packages.keep: must be at least 1: the release to go back to",
			"FILE:41: packages.sigstore_verifier: must be an absolute path",
			"FILE:42: packages.alow_http: unknown key; did you mean packages.allow_http?",
		},
		"bomb":  {"FILE:2: too many values: aliases or ${file:...} multiply to more than 20000"},
		"cycle": {"FILE:2: extensions.a" + strings.Repeat(".b", 16) + ": nested more than 32 levels deep"},
	}
}

func TestLoadSaysEverythingThatIsWrongWithAFile(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.bad.yaml")
	require.NoError(t, err)
	require.Len(t, paths, len(badFiles()))
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			want := badFiles()[strings.TrimSuffix(filepath.Base(path), ".bad.yaml")]
			assert.Equal(t, want, refused(t, Options{Path: path, Environ: environ()}))
		})
	}
}

func TestLoadAcceptsGoodFiles(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.good.yaml")
	require.NoError(t, err)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			accepted(t, Options{Path: path})
		})
	}
}

func TestLoadFillsInDefaults(t *testing.T) {
	t.Parallel()
	c := accepted(t, Options{Path: "testdata/minimal.good.yaml"}).Config
	assert.Equal(t, "wss://opamp.example.com:4320/v1/opamp", c.Server.Endpoint, "S-002")
	assert.Equal(t, int64(64<<20), c.Server.MaxMessageSize)
	assert.Equal(t, "1.2", c.Server.TLS.MinVersion)
	assert.Equal(t, Capabilities{
		ReportsEffectiveConfig: true, ReportsOwnMetrics: true, ReportsHealth: true, ReportsHeartbeat: true,
	}, c.Capabilities)
	assert.Equal(t, Rollout{
		ValidateConfig: true, AutomaticConfigRollback: true, Reload: ReloadAuto,
		ConfigApplyTimeout: 5 * time.Second, Probation: 30 * time.Second,
		MaxConfigSize: 4 << 20,
	}, c.Agent.Rollout)
	assert.Equal(t, Process{
		BootstrapTimeout: 3 * time.Second, StopTimeout: 10 * time.Second, OrphanDetectionInterval: 5 * time.Second,
		Restart: Restart{InitialDelay: time.Second, MaxDelay: time.Minute, ResetAfter: time.Minute},
	}, c.Agent.Process)
	assert.Equal(t, Storage{Directory: "/var/lib/otelcol/supervisor", KeepConfigs: 5}, c.Storage)
	assert.Equal(t, Logs{
		Level: "info", Encoding: "json", OutputPaths: []string{"stdout"}, ErrorOutputPaths: []string{"stderr"},
	}, c.Telemetry.Logs)
	assert.False(t, c.HealthCheck.Enabled())
}

func TestEveryKeyOfTheReferenceReachesTheSettings(t *testing.T) {
	t.Parallel()
	c := accepted(t, Options{Path: "testdata/full.good.yaml", CheckFiles: true}).Config
	assert.Equal(t, []string{"one", "two"}, c.Server.Headers.HTTP()["X-Many"])
	assert.Equal(t, "Bearer abc", c.Server.Headers.HTTP().Get("authorization"))
	assert.True(t, c.Capabilities.AcceptsRestartCommand && c.Capabilities.ReportsAvailableComponents)
	assert.Equal(t, ReloadHUP, c.Agent.Reload)
	assert.False(t, c.Agent.ValidateConfig || c.Agent.AutomaticConfigRollback, "an explicit false is honoured")
	assert.Equal(t, []string{
		"$OWN_TELEMETRY_CONFIG", "testdata/local.yaml", "$OPAMP_EXTENSION_CONFIG", "$REMOTE_CONFIG",
	}, c.Agent.ConfigFiles)
	assert.Equal(t, Secret("8080"), c.Agent.Env["PORT"])
	assert.Equal(t, map[string]string{"service.name": "edge"}, c.Agent.Description.IdentifyingAttributes)
	assert.Equal(t, 16, c.Agent.CrashLogSnippetKiB)
	assert.True(t, c.HealthCheck.Enabled())
}

func TestTelemetryIsTyped(t *testing.T) {
	t.Parallel()
	c := accepted(t, Options{Path: "testdata/full.good.yaml"}).Config.Telemetry
	assert.Equal(t, "debug", c.Logs.Level)
	assert.Equal(t, []Processor{{Batch: &BatchProcessor{
		ScheduleDelay: time.Second, ExportTimeout: 30 * time.Second, MaxQueueSize: 2048, MaxExportBatchSize: 512,
		Exporter: Exporter{OTLP: &OTLP{
			Protocol: "http/protobuf", Endpoint: "https://otlp.example.com:4318", Compression: "gzip",
			Headers: Headers{"api-key": {"abc"}}, Timeout: 10 * time.Second,
		}},
	}}}, c.Logs.Processors)
	assert.Equal(t, "delta", c.Metrics.Readers[0].Periodic.Exporter.OTLP.Temporality)
	assert.Equal(t, &Prometheus{Host: "localhost", Port: 9999}, c.Metrics.Readers[1].Pull.Exporter.Prometheus)
	assert.NotNil(t, c.Traces.Processors[0].Simple.Exporter.OTLP, "an empty otlp section asks for its defaults")
	assert.Equal(t, map[string]string{"service.name": "edge-supervisor", "deployment.environment": "test"}, c.Resource)
}

func TestAliasesAndMergeKeysWork(t *testing.T) {
	t.Parallel()
	c := accepted(t, Options{Path: "testdata/anchors.good.yaml"}).Config
	assert.Equal(t, "ws://localhost:4320/custom", c.Server.Headers.HTTP().Get("X-Endpoint"))
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, c.Agent.Description.NonIdentifyingAttributes)
}

func TestWarningsSayWhatWillNotHappen(t *testing.T) {
	t.Parallel()
	var got []string
	for _, w := range accepted(t, Options{Path: "testdata/full.good.yaml"}).Warnings {
		got = append(got, w.Key)
	}
	assert.Subset(t, got, []string{
		"server.auth", "server.tls.tpm", "server.tls.insecure_skip_verify", "capabilities.accepts_packages",
		"capabilities.accepts_opamp_connection_settings", "capabilities.reports_remote_config",
		"capabilities.reports_package_statuses", "agent.health_check_port", "agent.initial_fallback_configs",
		"agent.package.archive", "agent.package.verifier.type", "agent.run_as", "agent.access_dirs", "agent.opamp_server_unix_socket",
		"healthcheck.auth", "healthcheck.cors", "extensions",
	})
	assert.NotContains(t, got, "healthcheck.read_timeout", "one explanation is enough for one feature")
	assert.NotContains(t, got, "healthcheck.include_metadata", "false asks for nothing")
}

func TestDeprecatedNameSetsTheNewKey(t *testing.T) {
	t.Parallel()
	o := write(t, "agent: {initial_fallback_configs: ['file:/a', /b]}")
	assert.Equal(t, []string{"/a", "/b"}, accepted(t, o).Config.Agent.StartupFallbackConfigs)

	o = write(t, "agent: {initial_fallback_configs: [/old], startup_fallback_configs: [/new]}")
	assert.Equal(t, []string{"/new"}, accepted(t, o).Config.Agent.StartupFallbackConfigs)

	o = write(t, "agent: {startup_fallback_configs: [/new], initial_fallback_configs: [/old]}")
	assert.Equal(t, []string{"/new"}, accepted(t, o).Config.Agent.StartupFallbackConfigs)
}

func TestReloadFollowsTheReferencesSwitchUnlessItIsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Reload{
		"agent: {}":                                             ReloadAuto,
		"agent: {use_hup_config_reload: true}":                  ReloadHUP,
		"agent: {use_hup_config_reload: false}":                 ReloadRestart,
		"agent: {use_hup_config_reload: true, reload: auto}":    ReloadAuto,
		"agent: {use_hup_config_reload: false, reload: hup}":    ReloadHUP,
		"agent: {use_hup_config_reload: null, reload: RESTART}": ReloadRestart,
		"agent: {use_hup_config_reload: 'true', reload: null}":  ReloadHUP,
	} {
		assert.Equal(t, want, accepted(t, write(t, text)).Config.Agent.Reload, text)
	}
}

func TestEndpointKeepsWhatIsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://h":            "http://h/v1/opamp",
		"https://h:4320":      "https://h:4320/v1/opamp",
		"ws://h/":             "ws://h/",
		"wss://[::1]:1/x?y=z": "wss://[::1]:1/x?y=z",
	} {
		o := write(t, "")
		o.Flags["server.endpoint"] = text
		assert.Equal(t, want, accepted(t, o).Config.Server.Endpoint)
	}
}

func TestLoadNeedsAFile(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"--config: path to config file cannot be empty"},
		strings.Split(errorOf(Load(Options{})).Error(), "\n"))
	assert.Equal(t, []string{"FILE: cannot open the file: open FILE: no such file or directory"},
		refused(t, Options{Path: "testdata/nowhere.yaml"}))
}

func errorOf(_ *Loaded, err error) error { return errors.Join(err) }
