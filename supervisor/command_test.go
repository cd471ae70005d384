package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/store"
)

// files is a supervisor.yaml with a Collector that answers what it is asked.
type files struct{ dir, config, collector string }

func newFiles(t *testing.T, more string) files {
	t.Helper()
	dir := t.TempDir()
	f := files{dir: dir, config: filepath.Join(dir, "supervisor.yaml"), collector: filepath.Join(dir, "collector")}
	f.write(t, f.collector, "#!/bin/sh\nprintf 'buildinfo: {command: c, version: 1.0.0}\\nextensions: [{name: opamp}]\\n'\n")
	f.write(t, f.config, fmt.Sprintf(`
server: {endpoint: "ws://127.0.0.1:1/v1/opamp"}
agent: {executable: %s}
storage: {directory: %s}
%s`, f.collector, filepath.Join(dir, "state"), more))
	return f
}

func (f files) write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
}

// run is a command line with what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := command()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestWrongCommandLineHasItsOwnExitCode(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"frobnicate", "--no-such-flag", "run --no-such-flag", "run extra", "validate extra",
		"config extra", "config print extra", "version extra", "dev-server extra", "package extra", "package keygen", "package sign", "package verify a b", "package inspect",
		"package keylist extra", "package keylist new", "package keylist sign", "package keylist show", "package sign --index x f", "run --set novalue --config x",
	} {
		_, err := run(t, strings.Fields(line)...)
		assert.Equal(t, exitUsage, codeOf(err), "%s: %v", line, err)
	}
	_, err := run(t, "config", "print", "extra")
	assert.ErrorContains(t, err, "opampd config print --help")
}

func TestWithoutArgumentsThereIsHelp(t *testing.T) {
	t.Parallel()
	out, err := run(t)
	require.NoError(t, err)
	for _, word := range []string{"run", "validate", "config", "version", "dev-server", "package", "--endpoint"} {
		assert.Contains(t, out, word)
	}
	assert.NotContains(t, out, "feature-gates")
}

func TestMissingOrWrongConfigurationHasItsOwnExitCode(t *testing.T) {
	t.Parallel()
	f := newFiles(t, "no_such_section: 1")
	for _, line := range []string{
		"run", "validate", "config print", "--config /nonexistent.yaml", "run --config " + f.config, "validate --config " + f.config,
	} {
		_, err := run(t, strings.Fields(line)...)
		assert.Equal(t, exitConfig, codeOf(err), "%s: %v", line, err)
	}
}

func TestConfigAloneRunsTheDaemon(t *testing.T) {
	t.Parallel()
	f := newFiles(t, "")
	held, _, err := store.Open(filepath.Join(f.dir, "state"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = held.Close() })
	for _, line := range []string{"--config " + f.config, "run --feature-gates x --config " + f.config} {
		_, err := run(t, strings.Fields(line)...) // which is as far as it comes
		assert.Equal(t, exitStorage, codeOf(err), "%s: %v", line, err)
	}
}

func TestValidConfigurationIsCalledSo(t *testing.T) {
	t.Parallel()
	f := newFiles(t, "")
	out, err := run(t, "validate", "--config", f.config)
	require.NoError(t, err)
	assert.Contains(t, out, f.config+" is valid")
	assert.NoDirExists(t, filepath.Join(f.dir, "state"), "looking changes nothing")
}

func TestValidateRefusesACollectorThatCannotBeSupervised(t *testing.T) {
	t.Parallel()
	f := newFiles(t, "")
	f.write(t, f.collector, "#!/bin/sh\nprintf 'buildinfo: {command: c, version: 1.0.0}\\nextensions: [{name: zpages}]\\n'\n")
	_, err := run(t, "validate", "--config", f.config)
	require.ErrorContains(t, err, "has no opamp extension")
	assert.ErrorContains(t, err, f.config+": agent.executable: ")
	assert.Equal(t, exitConfig, codeOf(err))
}

func TestFlagsOverrideTheEnvironmentWhichOverridesTheFile(t *testing.T) {
	f := newFiles(t, "")
	t.Setenv("OPAMPD_SERVER__ENDPOINT", "ws://env.example/v1/opamp")
	t.Setenv("OPAMPD_AGENT__PROBATION", "7s")
	out, err := run(t, "config", "print", "--config", f.config)
	require.NoError(t, err)
	assert.Contains(t, out, "ws://env.example/v1/opamp")
	assert.Contains(t, out, "7s")

	out, err = run(t, "config", "print", "--config", f.config, "--endpoint", "ws://flag.example/v1/opamp",
		"--set", "agent.probation=9s", "--set", "storage.keep_configs=3", "--log-level", "debug")
	require.NoError(t, err)
	assert.Contains(t, out, "ws://flag.example/v1/opamp")
	assert.Contains(t, out, "9s")
	assert.NotContains(t, out, "env.example")
}

func TestUnknownKeyOfSetIsNamed(t *testing.T) {
	t.Parallel()
	f := newFiles(t, "")
	_, err := run(t, "validate", "--config", f.config, "--set", "agent.probatoin=1m")
	require.Equal(t, exitConfig, codeOf(err))
	assert.ErrorContains(t, err, "agent.probatoin")
}

func TestEachShortcutStandsForAKeyThatExists(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, key := range config.Keys() {
		known[key.Path] = true
	}
	for name, s := range shortcuts() {
		assert.True(t, known[s[0]], "--%s: %s", name, s[0])
	}
}

func TestVersionIsForPeopleAndForPrograms(t *testing.T) {
	t.Parallel()
	out, err := run(t, "version")
	require.NoError(t, err)
	assert.Regexp(t, `^opampd devel \(go\d`, out)
	out, err = run(t, "version", "--json")
	require.NoError(t, err)
	var b build
	require.NoError(t, json.Unmarshal([]byte(out), &b))
	assert.Equal(t, "devel", b.Version)
}
