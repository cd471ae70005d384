//go:build linux

package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
	"opampd/supervisor/internal/trust"
)

// lay writes a package and its signature into files, as an operator has them.
func (s *site) lay(p published) string {
	s.host.tb.Helper()
	path := s.path("release-" + p.Version)
	require.NoError(s.host.tb, os.WriteFile(path, p.body, 0o600))
	require.NoError(s.host.tb, os.WriteFile(path+".sig", p.Signature, 0o600))
	return path
}

func TestAReleaseTakenBackByHandIsNotTakenAgain(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]bool{"during its watch": true, "later": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packages := brief
			if during {
				packages = forever
			}
			s := upgradable(t, testkit.WebSocket, packages, settings{})
			p := s.publish(next())
			s.upgrade(p)
			if during {
				s.watched(p)
			} else {
				s.fares(p, inForce)
			}
			stdout, stderr, code := command(t, "rollback", "--config", s.path("supervisor.yaml"))
			require.Zero(t, code, stdout+stderr)
			s.agree(factory, "")
			if during {
				assert.Contains(t, s.fares(p, notTaken).GetErrorMessage(), "taken back by an operator")
			}
			s.failsAgain(p)
		})
	}
}

// The server is away: nothing of this needs it, and it is told the truth when it is back.
func TestAPackageIsInstalledByHandAsIfItHadBeenOffered(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	newer := s.publish(parcel{Version: "0.155.0", index: 5})
	older := s.publish(parcel{Version: "0.153.0", index: 3})
	forged := s.publish(parcel{Version: "0.156.0", index: 6, sign: func(st trust.Statement) []byte { return signed(t, st, newKey(t)) }})
	crashing := s.publish(parcel{Version: "0.157.0", index: 7, Fault: "crash"})
	s.server.Stop()
	apply := func(p published) (said string, code int) {
		stdout, stderr, code := command(t, "package", "apply", "--config", s.path("supervisor.yaml"), "--timeout", "2m", s.lay(p))
		return stdout + stderr, code
	}
	for _, p := range []published{newer, older} { // a permit is for servers
		said, code := apply(p)
		require.Zero(t, code, said)
		assert.Equal(t, p.id, s.linked("current"))
	}
	for words, p := range map[string]published{"(key)": forged, "this-release-is-broken": crashing} {
		said, code := apply(p)
		assert.NotZero(t, code)
		assert.Contains(t, said, words)
	}
	s.serving()
	s.server.Start(t)
	s.agrees(older)
	assert.Empty(t, s.downloads.Requests())
}

func TestAPackageHandedOverBeforeOpampdStartsIsInstalledThen(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	p := s.publish(next())
	require.Zero(t, s.stop())
	stdout, stderr, code := command(t, "package", "apply", "--config", s.path("supervisor.yaml"), s.lay(p))
	require.Zero(t, code, stdout+stderr)
	assert.Contains(t, stdout, "when one starts")
	began := time.Now()
	s.start()
	s.agrees(p)
	t.Logf("it took %s", time.Since(began).Round(time.Millisecond))
	s.said("the release is installed", 1)
}
