package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"opampd/supervisor/internal/config"
)

func newSite(t *testing.T, agent ...string) *site {
	t.Helper()
	b := &bench{opampd: "/bin/false", collector: "/bin/true", dir: t.TempDir()}
	s, err := b.site(agent...)
	require.NoError(t, err)
	t.Cleanup(s.close)
	return s
}

func TestSupervisorYAMLIsUnderstood(t *testing.T) {
	t.Parallel()
	s := newSite(t, "reload: restart", "probation: 0s", "restart: {reset_after: 200ms}")
	loaded, err := config.Load(config.Options{Path: s.yaml()})
	require.NoError(t, err)
	assert.Equal(t, config.ReloadRestart, loaded.Config.Agent.Reload)
	assert.Equal(t, 200*time.Millisecond, loaded.Config.Agent.Restart.ResetAfter)
	assert.Equal(t, "ws://"+s.server.address+"/v1/opamp", loaded.Config.Server.Endpoint)
	assert.Equal(t, filepath.Join(s.dir, "storage"), loaded.Config.Storage.Directory)
}

func TestGoodConfigurationsDifferInMeaning(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var one, two any
	require.NoError(t, yaml.Unmarshal([]byte(s.good()), &one))
	require.NoError(t, yaml.Unmarshal([]byte(s.good()), &two))
	assert.NotEqual(t, one, two)
}

func TestOnlyTheFirstBadConfigurationIsNotYAML(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, bad := range bads() {
		err := yaml.Unmarshal([]byte(bad.config(s, "127.0.0.1:1")), new(any))
		assert.Equal(t, i == 0, err != nil, bad.kind)
	}
}

func TestCloseEndsWhatIsLeftOfASite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := mentioning(s.dir); err != nil {
		t.Skip(err)
	}
	left := exec.CommandContext(t.Context(), "sh", "-c", "read -r line", filepath.Join(s.dir, "storage", "effective.yaml"))
	in, err := left.StdinPipe() // nothing comes, so it waits
	require.NoError(t, err)
	t.Cleanup(func() { _ = in.Close() })
	require.NoError(t, left.Start())
	pid, err := s.theCollector()
	require.NoError(t, err)
	assert.Equal(t, left.Process.Pid, pid)
	s.close()
	var exit *exec.ExitError
	require.ErrorAs(t, left.Wait(), &exit)
	status, ok := exit.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	assert.Equal(t, syscall.SIGKILL, status.Signal())
	_, err = s.theCollector()
	assert.EqualError(t, err, "there are 0 Collectors")
}

func TestProgramThatEndsByItselfIsNoCleanStop(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := os.Stat(s.opampd); err != nil {
		t.Skip(err)
	}
	require.NoError(t, s.start())
	<-s.daemon.exited
	_, err := s.daemon.end(syscall.SIGTERM)
	assert.EqualError(t, err, "opampd had ended by itself")
}

func TestMemoryOfThisProcessIsRead(t *testing.T) {
	t.Parallel()
	m, err := memoryOf(os.Getpid())
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	require.NoError(t, err)
	assert.Greater(t, m.resident, m.anonymous)
	assert.Positive(t, m.proportional)
}
