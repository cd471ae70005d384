//go:build linux

package e2e

import (
	"net/http"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// rot changes one byte of an installed program, behind everybody's back.
func (s *site) rot(p published) {
	s.host.tb.Helper()
	path := s.programOf(p.id)
	body, err := os.ReadFile(path)
	require.NoError(s.host.tb, err)
	body[len(body)/2] ^= 1
	require.NoError(s.host.tb, os.WriteFile(path+".new", body, 0o500))
	require.NoError(s.host.tb, os.Rename(path+".new", path)) // it may be running
}

// lose removes an installed release.
func (s *site) lose(p published) {
	s.host.tb.Helper()
	require.NoError(s.host.tb, os.RemoveAll(s.path("state", "packages", p.id)))
}

func TestADamagedReleaseIsNotExecutedAndTheOneBeforeRuns(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *site, p published){
		"changed while opampd was away":   func(s *site, p published) { require.Zero(s.host.tb, s.stop()); s.rot(p); s.start() },
		"gone while opampd was away":      func(s *site, p published) { require.Zero(s.host.tb, s.stop()); s.lose(p); s.start() },
		"changed when the Collector dies": func(s *site, p published) { s.rot(p); kill(s.host.tb, s.collector(), syscall.SIGKILL) },
		"gone when the Collector dies":    func(s *site, p published) { s.lose(p); kill(s.host.tb, s.collector(), syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upgradable(t, testkit.WebSocket, brief, settings{agent: brisk})
			calls := s.path("trace")
			first := s.publish(parcel{Version: "0.149.1", index: 1})
			second := s.publish(parcel{Version: "0.150.0", index: 2, Trace: calls})
			for _, p := range []published{first, second} {
				s.upgrade(p)
				s.fares(p, inForce)
			}
			before, err := os.ReadFile(calls)
			require.NoError(t, err)
			s.downloads.Always(testkit.AnswerWith(http.StatusNotFound))
			spoil(s, second)
			t.Log(s.fares(second, notTaken).GetErrorMessage())
			s.agrees(first)
			after, err := os.ReadFile(calls)
			require.NoError(t, err)
			assert.Equal(t, string(before), string(after), "it was not executed")
		})
	}
}

func TestADamagedReleaseIsFetchedAgain(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.fares(p, inForce)
	require.Zero(t, s.stop())
	s.rot(p)
	s.again()
	s.fares(p, inForce)
	s.agrees(p)
	assert.Len(t, s.downloads.Requests(), 2)
}
