//go:build linux

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// factory is the version of agent.executable.
const factory = "0.149.0"

// long is patience with what moves 44 MB and starts a Collector several times.
const long = 3 * patience

// comes waits until all that the agent has said so far amounts to what match looks for.
func (h *host) comes(desc string, match func(state *protobufs.AgentToServer) bool) *protobufs.AgentToServer {
	h.tb.Helper()
	return h.server.WaitState(h.tb, desc, long, match)
}

// own is the status of the Collector's package.
func own(m *protobufs.AgentToServer) *protobufs.PackageStatus {
	return m.GetPackageStatuses().GetPackages()[""]
}

func isAt(m *protobufs.AgentToServer, p published, want protobufs.PackageStatusEnum) bool {
	return own(m).GetStatus() == want && bytes.Equal(own(m).GetServerOfferedHash(), p.Hash)
}

// fares waits until the package that was offered has a status that lasts.
func (s *site) fares(p published, want protobufs.PackageStatusEnum) *protobufs.PackageStatus {
	s.host.tb.Helper()
	return own(s.comes(fmt.Sprintf("package %s %s", p.Version, want), func(m *protobufs.AgentToServer) bool {
		return isAt(m, p, want)
	}))
}

// watched waits until a release is watched.
func (s *site) watched(p published) {
	s.host.tb.Helper()
	s.comes("release "+p.Version+" is watched", func(m *protobufs.AgentToServer) bool {
		return isAt(m, p, installing) && m.GetHealth().GetHealthy() && versionOf(m) == p.Version && own(m).GetAgentHasVersion() == p.Version
	})
}

func versionOf(m *protobufs.AgentToServer) string {
	return attributes(m.GetAgentDescription().GetIdentifyingAttributes())["service.version"]
}

// agree waits until a release runs and is healthy, and asserts that there is nothing
// that says otherwise. An id of no letters is that of the factory release.
func (s *site) agree(version, id string) {
	s.host.tb.Helper()
	s.comes("release "+version+" runs", func(m *protobufs.AgentToServer) bool {
		return m.GetHealth().GetHealthy() && versionOf(m) == version && own(m).GetAgentHasVersion() == version
	})
	s.serving()
	s.alone()
	assert.Equal(s.host.tb, id, s.linked("current"))
	assert.Equal(s.host.tb, s.programOf(id), exeOf(s.host.tb, s.collector()))
}

// agrees is agree for a package.
func (s *site) agrees(p published) {
	s.host.tb.Helper()
	s.agree(p.Version, p.id)
}

// linked is the release that a link leads to, empty for that of the factory.
func (d *daemon) linked(name string) string {
	target, err := os.Readlink(d.path("state", "packages", name))
	if err != nil {
		require.ErrorIs(d.tb, err, os.ErrNotExist)
		return ""
	}
	return filepath.Base(target)
}

func (d *daemon) programOf(id string) string {
	if id == "" {
		_, collector := programs(d.tb)
		return collector
	}
	return d.path("state", "packages", id, program)
}

func exeOf(tb testing.TB, pid int) string {
	tb.Helper()
	path, err := os.Readlink("/proc/" + pidText(pid) + "/exe")
	require.NoError(tb, err)
	return path
}

// slots are the releases on disk.
func (d *daemon) slots() []string {
	var found []string
	paths, _ := filepath.Glob(d.path("state", "packages", "*"))
	for _, path := range paths {
		if len(filepath.Base(path)) == 2*sha256.Size {
			found = append(found, filepath.Base(path))
		}
	}
	return found
}

// gate is a named pipe that a release waits at until it is opened.
func gate(tb testing.TB) (path string, open func()) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "gate")
	require.NoError(tb, syscall.Mkfifo(path, 0o600))
	return path, func() {
		tb.Helper()
		opened := make(chan error, 1)
		go func() {
			f, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
			if err == nil {
				err = f.Close()
			}
			opened <- err
		}()
		select {
		case err := <-opened:
			require.NoError(tb, err)
		case <-time.After(patience):
			require.Fail(tb, "nobody waits at the gate")
		}
	}
}

func hashOf(tb testing.TB, path string) string {
	tb.Helper()
	body, err := os.ReadFile(path)
	require.NoError(tb, err)
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// untouched returns what asserts that the Collector is the same process still, and lost
// nothing meanwhile.
func (h *host) untouched() func() {
	h.tb.Helper()
	pid := h.collector()
	load := testkit.Load(h.tb, h.url(), 50)
	load.WaitAcknowledged(h.tb, 1, patience)
	return func() {
		h.tb.Helper()
		load.WaitAcknowledged(h.tb, 1, patience)
		assert.Empty(h.tb, load.Stop().Failures(), "telemetry goes on")
		assert.Equal(h.tb, []int{pid}, h.collectors(), "the same process runs")
	}
}
