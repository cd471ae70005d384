//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"opampd/supervisor/internal/testkit"
)

// unwell waits for a report of bad health that has all the words in it.
func (h *host) unwell(words ...string) {
	h.tb.Helper()
	h.server.WaitFor(h.tb, "bad health: "+strings.Join(words, ", "), patience, func(m *protobufs.AgentToServer) bool {
		if m.GetHealth() == nil || m.GetHealth().GetHealthy() {
			return false
		}
		for _, word := range words {
			if !strings.Contains(m.GetHealth().GetStatus()+" "+m.GetHealth().GetLastError(), word) {
				return false
			}
		}
		return true
	})
}

func TestAKilledCollectorIsBackAtOnce(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{agent: brisk})
	h.proven(hash)
	h.dies(syscall.SIGKILL)
	h.said("killed by signal 9 (SIGKILL)", 1)
	assert.Equal(t, applied, h.server.State().GetRemoteConfigStatus().GetStatus(), "it lasted: this is no fault of the configuration")
}

func TestACollectorThatEndsByItselfIsBackAtOnce(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{agent: brisk})
	h.proven(hash)
	h.serving() // else it dies of the signal
	h.dies(syscall.SIGTERM)
	h.said("the Collector exited with code 0", 1)
}

func TestACollectorThatKeepsDyingIsRestartedWithPausesAndHealthSaysWhy(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{agent: brisk})
	h.proven(hash)
	h.dies(syscall.SIGKILL)
	for range 4 {
		h.dies(syscall.SIGKILL)
		h.unwell("killed by signal 9 (SIGKILL)") // from the second on there is a pause to tell it in
	}
	h.unwell("StatusCrashLoop", "5 crashes in a row", "killed by signal 9 (SIGKILL)")
	h.said(`"restart_in": "`, 4)
	assert.Equal(t, applied, h.server.State().GetRemoteConfigStatus().GetStatus())
}

func TestAConfigurationOnWhichTheCollectorDiesInItsProbationIsRolledBack(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, tr testkit.Transport, reload string) {
		h, _ := working(t, tr, settings{agent: reload})
		second := h.server.Offer(pipeline(h.addr, h.sink.URL(), "second"))
		h.server.WaitStatus(t, second, applied)
		h.server.Mark()
		kill(t, h.collector(), syscall.SIGKILL)
		status := h.server.WaitStatus(t, second, failed)
		assert.Contains(t, status.GetErrorMessage(), "killed by signal 9 (SIGKILL)")
		h.server.WaitHealthy(t, true)
		h.serving()
		assert.Contains(t, h.effective(), `first`)
		h.alone()
	})
}

// effective returns the configuration that the Collector was given.
func (d *daemon) effective() string {
	d.tb.Helper()
	text, err := os.ReadFile(d.path("state", "effective.yaml"))
	require.NoError(d.tb, err)
	return string(text)
}

func TestAConfigurationThatExitsSomeTimeAfterItsStartIsRolledBackWithItsWords(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	require.NoError(t, syscall.Mkfifo(gate, 0o600))
	word, err := os.OpenFile(gate, os.O_RDWR, 0) // so that neither end waits for the other
	require.NoError(t, err)
	t.Cleanup(func() { _ = word.Close() })
	// It works until somebody writes to the gate.
	exe := wrapper(t, `if [ -n "$config" ] && grep -q deadly "$config"; then
		$collector "$@" & read word < `+gate+`; kill -9 $!; echo "Error: $word" >&2; exit 1
	fi`)
	h, _ := working(t, testkit.WebSocket, settings{executable: exe, agent: "reload: restart"})
	deadly := h.server.Offer(pipeline(h.addr, h.sink.URL(), "deadly"))
	h.server.WaitStatus(t, deadly, applied)
	h.server.Mark()
	_, err = word.WriteString("the-queue-overflowed\n")
	require.NoError(t, err)
	status := h.server.WaitStatus(t, deadly, failed)
	assert.Contains(t, status.GetErrorMessage(), "exited with code 1: the-queue-overflowed")
	h.server.WaitHealthy(t, true)
	h.serving()
	h.alone()
}

func TestACollectorThatDoesNotComeUpIsFailedInTime(t *testing.T) {
	t.Parallel()
	exe := wrapper(t, `[ -n "$config" ] && grep -q frozen "$config" && kill -STOP $$`)
	h, _ := working(t, testkit.WebSocket, settings{executable: exe, agent: "reload: restart\nconfig_apply_timeout: 2s\nstop_timeout: 300ms"})
	h.server.Mark()
	hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "frozen"))
	status := h.server.WaitStatus(t, hash, failed)
	assert.Contains(t, status.GetErrorMessage(), "not healthy with this configuration within 2s")
	h.server.WaitHealthy(t, true)
	h.serving()
	assert.Contains(t, h.effective(), "first")
	h.alone()
}

func TestAConfigurationThatHangsAtItsStartIsRolledBack(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, tr testkit.Transport, reload string) {
		dir := t.TempDir()
		lock(t, filepath.Join(dir, "exporter_otlphttp__logs"))
		h, _ := working(t, tr, settings{agent: reload + "\nconfig_apply_timeout: 2s\nstop_timeout: 300ms"})
		hanging := pipeline(h.addr, h.sink.URL(), "hanging")
		text := strings.Replace(hanging["collector.yaml"], "retry_on_failure:", "sending_queue: {storage: file_storage}, retry_on_failure:", 1)
		text = strings.Replace(text, "service:", "extensions:\n  file_storage: {directory: "+dir+", timeout: 1h}\nservice:\n  extensions: [file_storage]", 1)
		hash := h.server.Offer(map[string]string{"collector.yaml": text})
		status := h.server.WaitStatus(t, hash, failed)
		assert.Contains(t, status.GetErrorMessage(), "not healthy with this configuration within 2s")
		h.server.WaitHealthy(t, true)
		h.serving()
		h.alone()
	})
}

// lock makes a database that somebody else has open; who waits for it waits for long.
func lock(tb testing.TB, path string) {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = f.Close() })
	require.NoError(tb, unix.Flock(int(f.Fd()), unix.LOCK_EX))
}
