//go:build linux

package e2e

import (
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

func TestADownloadGoesOnWhereAnEndOfOpampdInterruptedIt(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(s *site){
		"terminated": func(s *site) { assert.Equal(s.host.tb, 0, s.stop()); s.start() },
		"killed":     func(s *site) { s.crash(); s.start() },
		"reloaded":   func(s *site) { s.reread(brief) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upgradable(t, testkit.WebSocket, brief, settings{})
			p := s.publish(next())
			s.downloads.Next(testkit.Throttle(32<<10, 5*time.Millisecond)) // 7 s for all of it
			s.upgrade(p)
			s.comes("a quarter of it", func(m *protobufs.AgentToServer) bool { return own(m).GetDownloadDetails().GetDownloadPercent() >= 25 })
			again(s)
			s.fares(p, inForce)
			s.agrees(p)
			at := resumedAt(t, s.downloads.Requests())
			require.Len(t, at, 2)
			assert.Positive(t, at[1], "not from the beginning")
		})
	}
}

func TestATerminationDuringTheWatchIsNoVoteAgainstTheRelease(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, forever, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.watched(p)
	for range 4 { // more often than a life may end otherwise
		assert.Equal(t, 0, s.stop())
		s.start()
		s.watched(p)
	}
	s.reread(brief)
	s.fares(p, inForce)
	s.agrees(p)
}

func TestAReleaseDuringWhoseTrialOpampdIsKilledThriceIsLeft(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, forever, settings{})
	p := s.publish(next())
	s.upgrade(p)
	s.watched(p)
	for n := range 3 {
		s.crash()
		s.start()
		if n < 2 {
			s.said("the new release works", n+2)
		}
	}
	assert.Contains(t, s.fares(p, notTaken).GetErrorMessage(), "opampd ended 3 times")
	s.agree(factory, "")
}

func TestADiskWithoutRoomIsNotFilledByADownload(t *testing.T) {
	t.Parallel()
	p := publishing(t)
	h, hash := installed(t, settings{capabilities: ", accepts_packages: true", extra: p.trusting(brief)})
	h.mount("size=120m") // a package of 44 MB needs 97 MB and a margin
	sweeping(h.daemon)
	h.start()
	h.server.WaitStatus(t, hash, applied)
	s := &site{host: h, publisher: p}
	untouched := s.untouched()
	large := s.publish(next())
	s.upgrade(large)
	status := s.fares(large, notTaken)
	t.Log(status.GetErrorMessage())
	assert.Contains(t, status.GetErrorMessage(), "make room")
	untouched()
	assert.Less(t, s.occupied(), int64(8<<20), "nothing of it is on the disk")
	require.NoError(t, syscall.Mount("tmpfs", s.path("state"), "tmpfs", syscall.MS_REMOUNT, "size=600m"))
	again := s.publish(parcel{Version: "0.151.0", index: 3})
	s.upgrade(again)
	s.fares(again, inForce)
	s.agrees(again)
}

// occupied is how many bytes there are in the storage directory.
func (d *daemon) occupied() int64 {
	var all int64
	_ = filepath.Walk(d.path("state"), func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			all += info.Size()
		}
		return nil
	})
	return all
}

// The journal cannot be written any more when the release fails.
func TestAFullDiskDoesNotKeepABadRelease(t *testing.T) {
	t.Parallel()
	p := publishing(t)
	h, hash := installed(t, settings{capabilities: ", accepts_packages: true", extra: p.trusting(forever)})
	h.mount("size=300m")
	sweeping(h.daemon)
	h.start()
	h.server.WaitStatus(t, hash, applied)
	s := &site{host: h, publisher: p}
	path, open := gate(t)
	bad := s.publish(parcel{Version: "0.151.0", Fault: "crash", When: path})
	s.upgrade(bad)
	s.watched(bad)
	lasts := s.burden()
	s.fill()
	open()
	s.fares(bad, notTaken)
	s.comes("the release before runs", func(m *protobufs.AgentToServer) bool {
		return m.GetHealth().GetHealthy() && versionOf(m) == factory
	})
	lasts()
	pids := s.collectors() // which is not written down
	require.Len(t, pids, 1)
	assert.Equal(t, s.programOf(""), exeOf(t, pids[0]))
	require.NoError(t, os.Remove(s.path("state", "filler")))
	assert.Equal(t, 0, s.stop())
}

func TestWithoutItsGrantPackagesAreNeitherAnnouncedNorTaken(t *testing.T) {
	t.Parallel()
	const bits = uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages | protobufs.AgentCapabilities_AgentCapabilities_ReportsPackageStatuses)
	p := publishing(t)
	granted := ", accepts_packages: true"
	for name, c := range map[string]struct {
		capabilities, packages, container string
		taken                             bool
	}{
		"not granted":                  {"", p.trusting(brief), "", false},
		"nobody is trusted":            {granted, "", "", false},
		"in a container":               {granted, "packages:\n  allow_http: true\n  trust: [{kind: key, file: " + p.root + "}]\n" + indent(brief), "oci", false},
		"in a container, asked twice":  {granted, p.trusting(brief), "oci", true},
		"trust that others can change": {granted, loose(t, p), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, hash := installed(t, settings{capabilities: c.capabilities, extra: c.packages})
			sweeping(h.daemon)
			h.env = append(os.Environ(), "container="+c.container)
			h.start()
			h.server.WaitStatus(t, hash, applied)
			s := &site{host: h, publisher: p}
			s.serving()
			if c.taken {
				assert.Equal(t, bits, s.server.State().GetCapabilities()&bits)
				return
			}
			untouched := s.untouched()
			offered := s.publish(next())
			s.upgrade(offered)
			s.server.Mark()
			s.server.RequestFullState()
			s.server.WaitFor(t, "a full report", patience, full)
			untouched()
			for _, m := range s.server.Messages() {
				assert.Zero(t, m.GetCapabilities()&bits)
				assert.Nil(t, m.GetPackageStatuses())
			}
			for _, r := range p.downloads.Requests() {
				assert.NotEqual(t, offered.path, r.Path)
			}
			assert.Empty(t, s.slots())
		})
	}
}

// loose is a trust root that somebody else than root could exchange.
func loose(tb testing.TB, p *publisher) string {
	tb.Helper()
	text, err := os.ReadFile(p.root)
	require.NoError(tb, err)
	other := *p
	other.root = filepath.Join(tb.TempDir(), "release.pub")
	require.NoError(tb, os.WriteFile(other.root, text, 0o600))
	require.NoError(tb, os.Chmod(other.root, 0o666))
	return other.trusting(brief)
}
