//go:build linux

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"opampd/supervisor/internal/testkit"
)

// brisk restarts a crashed Collector sooner than people would want it.
const brisk = "probation: 0s\nrestart: {initial_delay: 300ms, max_delay: 400ms}"

// awaitFile waits for a file to say what match looks for; its directory must exist.
func awaitFile(tb testing.TB, path string, match func(text string) bool) {
	tb.Helper()
	w, err := fsnotify.NewWatcher()
	require.NoError(tb, err)
	defer w.Close() //nolint:errcheck // nothing is left to be lost
	require.NoError(tb, w.Add(filepath.Dir(path)))
	deadline := time.After(long)
	for {
		text, err := os.ReadFile(path)
		if err == nil && match(string(text)) {
			return
		}
		select {
		case <-w.Events:
		case err := <-w.Errors:
			require.NoError(tb, err)
		case <-deadline:
			require.Fail(tb, "the file does not get there", "%s: %s", path, text[max(0, len(text)-2000):])
		}
	}
}

// said waits until opampd has logged a text so many times since it first ran.
func (d *daemon) said(text string, times int) {
	d.tb.Helper()
	awaitFile(d.tb, d.path("opampd.log"), func(log string) bool { return strings.Count(log, text) >= times })
}

// proven waits until a configuration has passed its probation, so that a crash is
// no longer blamed on it.
func (d *daemon) proven(hash []byte) {
	d.tb.Helper()
	awaitFile(d.tb, d.path("state", "ledger.jsonl"), func(ledger string) bool {
		for line := range strings.Lines(ledger) {
			if strings.Contains(line, hex.EncodeToString(hash)) && strings.Contains(line, `"good":true`) {
				return true
			}
		}
		return false
	})
}

// exit waits for the end of a process that is not our child (man 2 pidfd_open).
func exit(tb testing.TB, pid int) {
	tb.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	require.NoError(tb, err)
	defer unix.Close(fd) //nolint:errcheck // opened to look
	deadline := time.Now().Add(patience)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		require.NoError(tb, err)
		require.Positive(tb, n, "process %d does not end", pid)
		return
	}
}

func kill(tb testing.TB, pid int, s syscall.Signal) {
	tb.Helper()
	require.Greater(tb, pid, 1)
	require.NoError(tb, syscall.Kill(pid, s))
}

// collectors returns the processes that run on this storage directory, dead ones
// left out.
func (d *daemon) collectors() []int {
	var found []int
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		line, err := os.ReadFile(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		ours := bytes.Contains(line, []byte(d.path("state", "effective.yaml"))) || bytes.Contains(line, []byte(d.refuge("effective.yaml")))
		if err == nil && ours && alive(pid) {
			found = append(found, pid)
		}
	}
	all := slices.Clone(found)
	return slices.DeleteFunc(found, func(pid int) bool { // what a Collector is just making looks like it until it executes
		return slices.Contains(all, parentOf(pid))
	})
}

// parentOf reads field 4 of proc_pid_stat(5).
func parentOf(pid int) int {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	if fields := strings.Fields(after); len(fields) > 1 {
		parent, _ := strconv.Atoi(fields[1])
		return parent
	}
	return 0
}

// refuge is where opampd goes when its storage directory cannot be written.
func (d *daemon) refuge(elem ...string) string {
	sum := sha256.Sum256([]byte(d.path("state")))
	name := fmt.Sprintf("opampd-%d-%s", os.Geteuid(), hex.EncodeToString(sum[:4]))
	return filepath.Join(append([]string{"/dev/shm", name}, elem...)...)
}

// alone asserts that there is one Collector, the one that opampd knows.
func (d *daemon) alone() {
	d.tb.Helper()
	assert.Equal(d.tb, []int{d.collector()}, d.collectors(), "one Collector, and known")
}

// sweeping leaves no Collector behind, whatever the test did to opampd's memory.
func sweeping(d *daemon) {
	d.tb.Helper()
	telling(d)
	d.tb.Cleanup(func() {
		if d.cmd != nil {
			_ = d.cmd.Process.Kill()
			<-d.done
		}
		for _, pid := range d.collectors() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			exit(d.tb, pid)
		}
		_ = os.RemoveAll(d.refuge())
	})
}

// rewrite changes the content of a document of the store behind opampd's back.
func (d *daemon) rewrite(name string, change func(state map[string]any)) {
	d.tb.Helper()
	path := d.path("state", name)
	text, err := os.ReadFile(path)
	require.NoError(d.tb, err)
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	require.NoError(d.tb, decoder.Decode(&document))
	state, ok := document["state"].(map[string]any)
	require.True(d.tb, ok)
	change(state)
	body, err := json.Marshal(state)
	require.NoError(d.tb, err)
	sum := sha256.Sum256(body)
	document["sha256"] = hex.EncodeToString(sum[:])
	text, err = json.Marshal(document)
	require.NoError(d.tb, err)
	require.NoError(d.tb, os.WriteFile(path, text, 0o600))
}

// field reads a text out of a document of the store.
func (d *daemon) field(name, key string) string {
	d.tb.Helper()
	var value string
	d.rewrite(name, func(state map[string]any) { value, _ = state[key].(string) })
	return value
}

// wrapper is an executable that does something else than the Collector when line
// says so: a line of shell in which $config is the configuration it is to run, and
// empty when it is only asked something.
func wrapper(tb testing.TB, line string) string {
	tb.Helper()
	_, collector := programs(tb)
	path := filepath.Join(tb.TempDir(), "otelcol-wrapper")
	script := fmt.Sprintf("#!/bin/sh\ncollector=%s\n[ \"$1\" = --config ] && config=$2\n%s\nexec $collector \"$@\"\n", collector, line)
	require.NoError(tb, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// The ways in which a file gets lost.
func torn(text []byte) []byte { return text[:len(text)/2] }
func missing([]byte) []byte   { return nil }
func empty([]byte) []byte     { return []byte{} }
func foreign([]byte) []byte   { return []byte("\x7fELF\x00{\"version\":1}\n") }

// damage does that to a file; nil removes it.
func damage(tb testing.TB, path string, how func([]byte) []byte) {
	tb.Helper()
	text, err := os.ReadFile(path)
	require.NoError(tb, err)
	if text = how(text); text == nil {
		require.NoError(tb, os.Remove(path))
		return
	}
	require.NoError(tb, os.WriteFile(path, text, 0o600))
}

// change writes another supervisor.yaml for the same server and Collector, unless
// the settings say otherwise.
func (h *host) change(s settings) {
	h.tb.Helper()
	if s.endpoint == "" {
		s.endpoint = h.server.WebSocketURL()
	}
	if s.executable == "" {
		_, s.executable = programs(h.tb)
	}
	h.write(s)
}

// often makes the next agent on plain HTTP poll each second.
func (h *host) often(tr testkit.Transport) {
	if tr == testkit.PlainHTTP {
		h.server.OfferConnection(&protobufs.ConnectionSettingsOffers{
			Opamp: &protobufs.OpAMPConnectionSettings{HeartbeatIntervalSeconds: 1},
		})
	}
}

// telling shows what opampd remembers when the test has failed.
func telling(d *daemon) {
	d.tb.Cleanup(func() {
		if d.tb.Failed() {
			for _, name := range []string{"ledger.jsonl", "state.json", "run.json"} {
				text, _ := os.ReadFile(d.path("state", name))
				d.tb.Logf("%s:\n%s", name, text)
			}
		}
	})
}

// dies makes the Collector die and returns when another one is healthy.
func (h *host) dies(s syscall.Signal) {
	h.tb.Helper()
	pid, start := h.collector(), h.server.State().GetHealth().GetStartTimeUnixNano()
	h.server.Mark()
	kill(h.tb, pid, s)
	h.server.WaitFor(h.tb, "health of another Collector", patience, func(m *protobufs.AgentToServer) bool {
		return m.GetHealth().GetHealthy() && m.GetHealth().GetStartTimeUnixNano() != start
	})
	h.serving()
	assert.NotEqual(h.tb, pid, h.collector())
	h.alone()
}

func pidText(pid int) string { return strconv.Itoa(pid) }
