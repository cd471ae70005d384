package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contained asks about a system that has the given files below its root and the given environment.
func contained(t *testing.T, files map[string]string, environ ...string) bool {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return inContainer(root, func(name string) string {
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	})
}

// booted are the files of a system that systemd runs, with the environment of its PID 1.
func booted(init string, more ...string) map[string]string {
	files := map[string]string{"run/systemd/system/x": "", "proc/1/environ": init}
	for _, path := range more {
		files[path] = ""
	}
	return files
}

func TestAContainerIsKnownByEachOfItsMarks(t *testing.T) {
	t.Parallel()
	assert.True(t, contained(t, map[string]string{".dockerenv": ""}), "Docker")
	assert.True(t, contained(t, map[string]string{"run/.containerenv": ""}), "Podman")
	assert.True(t, contained(t, nil, "container=oci"), "an image that says so")
	assert.True(t, contained(t, nil, "KUBERNETES_SERVICE_HOST=10.0.0.1"), "a pod")
	assert.True(t, contained(t, map[string]string{"proc/1/environ": "PATH=/bin\x00container=podman\x00"}), "PID 1's environment")
	assert.True(t, contained(t, map[string]string{"proc/1/environ": "container=lxc\x00"}), "LXC with another init system")
}

func TestAMachineIsNoContainer(t *testing.T) {
	t.Parallel()
	assert.False(t, contained(t, nil), "nothing can be told")
	assert.False(t, contained(t, booted("PATH=/bin\x00"), "INVOCATION_ID=1", "NOTIFY_SOCKET=/run/systemd/notify"))
	assert.False(t, contained(t, booted("PATH=/bin\x00")), "started by hand")
	assert.False(t, contained(t, map[string]string{"proc/1/environ": "container=\x00mycontainer=x\x00"}), "no value, another name")
}

func TestAServiceOfTheSystemdThatRunsTheSystemIsOnAMachine(t *testing.T) {
	t.Parallel()
	assert.False(t, contained(t, booted("container=systemd-nspawn\x00"), "INVOCATION_ID=1"))
	assert.False(t, contained(t, booted("container=lxc\x00"), "INVOCATION_ID=1", "container=lxc"))
	assert.False(t, contained(t, booted("container=docker\x00", ".dockerenv"), "INVOCATION_ID=1"))
}

func TestWhatAHostShowsToAContainerDoesNotMakeItAMachine(t *testing.T) {
	t.Parallel()
	const pod = "KUBERNETES_SERVICE_HOST=10.0.0.1"
	assert.True(t, contained(t, booted(""), pod), "the host's /run and PID 1")
	assert.True(t, contained(t, map[string]string{"run/.containerenv": ""}, "NOTIFY_SOCKET=/run/notify"), "Podman hands on the socket")
	assert.True(t, contained(t, map[string]string{".dockerenv": ""}, "INVOCATION_ID=1"), "a variable that was handed down")
}
