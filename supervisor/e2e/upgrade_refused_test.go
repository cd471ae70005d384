//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
	"opampd/supervisor/internal/trust"
)

// unwelcome are packages that are as good as any but for who said what of them. Each is
// named by the code of its refusal.
func unwelcome(tb testing.TB, p *publisher, trace string) map[string]published {
	tb.Helper()
	version, all := 0, map[string]published{}
	add := func(code string, state func(*trust.Statement), sign func(trust.Statement) []byte) {
		version++
		c := parcel{Version: fmt.Sprint("0.151.", version), Trace: trace, index: 9, state: state, sign: sign}
		if version <= 3 { // the rest would not be executed for another reason, too, and takes less time
			all[code] = p.publish(c)
			return
		}
		all[code] = p.serve(c, []byte("#!/bin/sh\necho >"+trace+" # "+code+"\n"))
	}
	add("key", nil, func(s trust.Statement) []byte { return signed(tb, s, newKey(tb)) })
	add("unsigned", nil, func(trust.Statement) []byte { return nil })
	add("revoked-hash", nil, nil)
	add("expired", func(s *trust.Statement) { s.Expires = time.Now().Add(-time.Hour).UTC() }, nil)
	add("os", func(s *trust.Statement) { s.OS = "plan9" }, nil)
	add("arch", func(s *trust.Statement) { s.Arch = "s390x" }, nil)
	add("package", func(s *trust.Statement) { s.Package = "otelcol-fat" }, nil)
	add("version", func(s *trust.Statement) { s.Version = "0.152.0" }, nil)
	add("archive", func(s *trust.Statement) { s.SHA256 = strings.Repeat("ab", 32) }, nil)
	add("floor", func(s *trust.Statement) { s.Index = 2 }, nil)
	add("format", nil, func(s trust.Statement) []byte { return signed(tb, s, p.key)[:100] })
	return all
}

func TestAPackageThatNobodyMayVouchForIsNeitherKeptNorExecuted(t *testing.T) {
	t.Parallel()
	p := publishing(t)
	dir := t.TempDir()
	trace, list := filepath.Join(dir, "trace"), filepath.Join(dir, "revocations")
	all := unwelcome(t, p, trace)
	require.NoError(t, os.WriteFile(list, []byte("sha256:"+all["revoked-hash"].id+" # leaked\nfloor:5\n"), 0o600))
	h, _ := working(t, testkit.WebSocket, settings{capabilities: ", accepts_packages: true", extra: p.trusting(brief + "revocations: " + list + "\n")})
	sweeping(h.daemon)
	s := &site{host: h, publisher: p}
	untouched := s.untouched()
	for code, c := range all {
		s.upgrade(c)
		assert.Contains(t, s.fares(c, notTaken).GetErrorMessage(), "("+code+")")
	}
	untouched()
	assert.Empty(t, s.slots())
	assert.NoFileExists(t, trace, "nothing of it was executed")
	good := s.publish(parcel{Version: "0.153.0", index: 10})
	s.upgrade(good)
	s.fares(good, inForce)
	s.agrees(good)
}

func TestAReleaseWhoseKeyWasRevokedSinceIsNotTaken(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	first := s.publish(parcel{Version: "0.151.0", index: 1})
	s.upgrade(first)
	s.fares(first, inForce)
	list := filepath.Join(t.TempDir(), "revocations")
	require.NoError(t, os.WriteFile(list, []byte("key:"+s.key.ID()+"\n"), 0o600))
	pid := s.collector()
	s.reread(brief + "revocations: " + list + "\n")
	second := s.publish(parcel{Version: "0.152.0", index: 2})
	s.upgrade(second)
	assert.Contains(t, s.fares(second, notTaken).GetErrorMessage(), "(revoked-key)")
	assert.Equal(t, pid, s.collector(), "what runs is told of, and runs on")
	s.said("is revoked", 1)
	s.agrees(first)
}

// hostile are offers that no server should make. good is a package in order.
func hostile(good published) map[string]*protobufs.PackageAvailable {
	all := map[string]*protobufs.PackageAvailable{}
	for name, spoil := range map[string]func(p *protobufs.PackageAvailable){
		"no file":               func(p *protobufs.PackageAvailable) { p.File = nil },
		"an empty file":         func(p *protobufs.PackageAvailable) { p.File = &protobufs.DownloadableFile{} },
		"no hash":               func(p *protobufs.PackageAvailable) { p.Hash = nil },
		"no content hash":       func(p *protobufs.PackageAvailable) { p.File.ContentHash = nil },
		"a short content hash":  func(p *protobufs.PackageAvailable) { p.File.ContentHash = p.File.ContentHash[:31] },
		"an addon":              func(p *protobufs.PackageAvailable) { p.Type = protobufs.PackageType_PackageType_Addon },
		"a type of the future":  func(p *protobufs.PackageAvailable) { p.Type = 42 },
		"a URL that is a path":  func(p *protobufs.PackageAvailable) { p.File.DownloadUrl = "/etc/passwd" },
		"a URL that is a file":  func(p *protobufs.PackageAvailable) { p.File.DownloadUrl = "file:///etc/passwd" },
		"a URL that is a novel": func(p *protobufs.PackageAvailable) { p.File.DownloadUrl += strings.Repeat("/x", 1<<20) },
		"a huge signature":      func(p *protobufs.PackageAvailable) { p.File.Signature = make([]byte, 1<<20) },
		"a huge version":        func(p *protobufs.PackageAvailable) { p.Version = strings.Repeat("9", 1<<20) },
		"a huge header": func(p *protobufs.PackageAvailable) {
			p.File.Headers = &protobufs.Headers{Headers: []*protobufs.Header{{Key: "X", Value: strings.Repeat("x", 1<<20)}}}
		},
	} {
		p := testkit.Packages(good.Package).GetPackagesAvailable().GetPackages()[""]
		spoil(p)
		all[name] = p
	}
	return all
}

func TestAHostileOfferIsAnsweredAndNothingElse(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		s := upgradable(t, tr, brief, settings{}, testkit.Except(testkit.PackageOffered)) // a huge version is cut
		untouched := s.untouched()
		good := s.publish(next())
		for name, p := range hostile(good) {
			s.server.OfferRaw(&protobufs.ServerToAgent{PackagesAvailable: &protobufs.PackagesAvailable{
				AllPackagesHash: []byte(name), Packages: map[string]*protobufs.PackageAvailable{"": p},
			}})
			m := s.comes("the answer to "+name, func(m *protobufs.AgentToServer) bool {
				return string(m.GetPackageStatuses().GetServerProvidedAllPackagesHash()) == name
			})
			assert.Equal(t, notTaken, own(m).GetStatus(), name)
			assert.NotEmpty(t, own(m).GetErrorMessage(), name)
		}
		untouched()
		assert.Empty(t, s.downloads.Requests())
		assert.Empty(t, s.slots())
		assert.NotContains(t, s.log(), "panic")
		s.agree(factory, "")
	})
}

func TestUnknownPackagesBesideAGoodOneAreRefusedAndNothingElse(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	good, other := s.publish(next()), s.publish(parcel{Version: "0.160.0", index: 60})
	addon, extra, escape := other.Package, other.Package, other.Package
	addon.Name, addon.Addon, extra.Name, escape.Name = "addon", true, "extra", "../../e2e-escape"
	s.server.OfferPackages(good.Package, addon, extra, escape, testkit.Package{Name: "nothing"})
	s.fares(good, inForce)
	s.agrees(good)
	all := s.server.State().GetPackageStatuses().GetPackages()
	for name, words := range map[string]string{"addon": "addons", "extra": "not known", "../../e2e-escape": "not known", "nothing": "not known"} {
		assert.Equal(t, notTaken, all[name].GetStatus(), name)
		assert.Contains(t, all[name].GetErrorMessage(), words, name)
	}
	assert.Len(t, all, 5)
	for _, r := range s.downloads.Requests() {
		assert.Equal(t, good.path, r.Path)
	}
	assert.Equal(t, []string{good.id}, s.slots())
}

func TestAnOfferOfTooManyPackagesIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	many := []testkit.Package{s.publish(next()).Package}
	for n := range 1000 {
		many = append(many, testkit.Package{Name: fmt.Sprint("extra ", n)})
	}
	all := s.server.OfferPackages(many...)
	s.comes("an answer", func(m *protobufs.AgentToServer) bool {
		return bytes.Equal(m.GetPackageStatuses().GetServerProvidedAllPackagesHash(), all) && m.GetPackageStatuses().GetErrorMessage() != ""
	})
	assert.Empty(t, s.downloads.Requests())
	s.agree(factory, "")
}
