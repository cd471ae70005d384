package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func printed(t *testing.T, o Options) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, accepted(t, o).Print(&b))
	return strings.ReplaceAll(b.String(), o.Path, "FILE")
}

func TestPrintNamesTheLayerOfEachValue(t *testing.T) {
	t.Parallel()
	o := write(t, "agent:\n  args: [a, b]\n  probation: 1m\n  use_hup_config_reload: true\n")
	o.Environ = []string{"OPAMPD_STORAGE__KEEP_CONFIGS=7"}
	o.FlagNames = map[string]string{"server.endpoint": "endpoint"}
	got := printed(t, o)
	for _, line := range []string{
		"  endpoint: ws://localhost:4320/v1/opamp # flag --endpoint\n",
		"  max_message_size: 64MiB # default\n",
		"  args: # FILE:2\n    - a\n    - b\n",
		"  probation: 1m0s # FILE:3\n",
		"  reload: hup # FILE:4\n",
		"  keep_configs: 7 # env OPAMPD_STORAGE__KEEP_CONFIGS\n",
		"    output_paths: # default\n",
	} {
		assert.Contains(t, got, line)
	}
}

func TestWhatPrintWritesCanBeLoaded(t *testing.T) {
	t.Parallel()
	again := write(t, printed(t, Options{Path: "testdata/full.good.yaml"}))
	again.Flags = nil
	want, got := accepted(t, Options{Path: "testdata/full.good.yaml"}).Config, accepted(t, again).Config
	want.Server.Headers, got.Server.Headers = nil, nil // shown as [REDACTED]
	want.Agent.Env, got.Agent.Env = nil, nil
	want.Telemetry.Logs.Processors, got.Telemetry.Logs.Processors = nil, nil
	want.Telemetry.Metrics.Readers, got.Telemetry.Metrics.Readers = nil, nil
	assert.Equal(t, want, got)
}

const secret = "hunter2-1a2b3c"

// withSecrets has the secret in every place that may hold one.
func withSecrets(t *testing.T) Options {
	t.Helper()
	file := putFile(t, "secret", secret)
	o := write(t, `
server:
  headers: {Authorization: hunter2-1a2b3c, B: ['${TOKEN}']}
  tls: {ca_pem: hunter2-1a2b3c, server_name_override: '${TOKEN}', key_pem: "${file:`+file+`}", cert_pem: '${TOKEN}'}
agent:
  env: {PASSWORD: hunter2-1a2b3c}
  args: [--password, 'x${TOKEN}']
  config_files: ['${TOKEN}', '${file:`+file+`}']
  startup_fallback_configs: ['${TOKEN}']
  description: {identifying_attributes: '${MAP}'}
telemetry:
  logs:
    processors:
      - batch: {exporter: {otlp: {endpoint: 'http://u:hunter2-1a2b3c@h/', headers: {a: hunter2-1a2b3c}}}}
      - simple: {exporter: {otlp: {endpoint: '${TOKEN}', headers: [{name: a, value: hunter2-1a2b3c}]}}}
`)
	o.Flags["server.endpoint"] = "ws://user:" + secret + "@localhost/v1?token=" + secret
	o.Environ = []string{"TOKEN=" + secret, "MAP={a: " + secret + "}"}
	return o
}

func TestPrintShowsNoSecret(t *testing.T) {
	t.Parallel()
	got := printed(t, withSecrets(t))
	assert.NotContains(t, got, secret)
	assert.Contains(t, got, "Authorization: '[REDACTED]'", "the name of a header helps and hurts nobody")
}

func TestWarningsShowNoSecret(t *testing.T) {
	t.Parallel()
	o := withSecrets(t)
	o.Flags["server.endpoint"] = "wss://user:" + secret + "@localhost/v1?token=" + secret
	l := accepted(t, o)
	require.NotEmpty(t, l.Warnings)
	assert.NotContains(t, fmt.Sprint(l.Warnings), secret)
}

func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"server: {endpoint: '${TOKEN}'}",
		"server: {endpoint: '${TOKEN}://x'}",
		"server: {endpoint: 'http://user:hunter2-1a2b3c@host:hunter2-1a2b3c'}",
		"server: {endpoint: 'ws://%${TOKEN}'}",
		"server: {headers: hunter2-1a2b3c}",
		"server: {headers: {a: {hunter2-1a2b3c: b}}}",
		"server: {tls: {key_pem: {hunter2-1a2b3c: 1}}}",
		"server: {tls: {min_version: '${TOKEN}'}}",
		"server: {tls: {ca_file: '${TOKEN}'}, endpoint: 'wss://h'}",
		"server: {max_message_size: '${TOKEN}'}",
		"agent: {env: [hunter2-1a2b3c]}",
		"agent: {executable: '${TOKEN}'}",
		"agent: {probation: '${TOKEN}', opamp_server_port: '${TOKEN}', validate_config: '${TOKEN}', reload: '${TOKEN}'}",
		"agent: {config_files: ['$$${TOKEN}', '${TOKEN}']}",
		"agent: {args: '${file:${TOKEN}}'}",
		"agent: {args: '${env:${TOKEN}}'}",
		"telemetry: {logs: {processors: [{batch: {schedule_delay: '${TOKEN}'}}]}}",
		"storage: '${TOKEN}'",
	} {
		o := write(t, text)
		o.Environ, o.CheckFiles = []string{"TOKEN=" + secret}, true
		o.Flags = map[string]any{"server.max_message_size": 0}
		if !strings.Contains(text, "executable") {
			o.Flags["agent.executable"] = "testdata/collector"
		}
		assert.NotContains(t, strings.Join(refused(t, o), "\n"), secret, text)
	}
}

func TestSecretsDoNotFormat(t *testing.T) {
	t.Parallel()
	h := Headers{"Authorization": {secret}}
	inJSON, err := json.Marshal(h)
	require.NoError(t, err)
	all := fmt.Sprintf("%v %+v %#v %s %q", h, h, h, h, h) + string(inJSON)
	assert.NotContains(t, all, secret)
	assert.Equal(t, secret, h.HTTP().Get("Authorization"))
}

func TestSizesPrintInTheLargestUnitThatFits(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 500: "500", 1024: "1KiB", 1536: "1536", 64 << 20: "64MiB", 2 << 30: "2GiB", 4 << 40: "4096GiB"} {
		assert.Equal(t, want, sizeText(n))
		back, err := size(want)
		require.NoError(t, err)
		assert.Equal(t, n, back)
	}
}
