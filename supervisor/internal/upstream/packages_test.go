package upstream

import (
	"bytes"
	"strings"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/remotepackage"
)

func packaged() Grants {
	g := allGranted()
	g.Packages = true
	return g
}

func available(change func(*protobufs.PackageAvailable)) *protobufs.PackageAvailable {
	p := &protobufs.PackageAvailable{
		Type: protobufs.PackageType_PackageType_TopLevel, Version: "2", Hash: []byte{0xaa},
		File: &protobufs.DownloadableFile{
			DownloadUrl: "https://releases.example/otelcol.tgz", ContentHash: bytes.Repeat([]byte{7}, 32), Signature: []byte("sig"),
			Headers: &protobufs.Headers{Headers: []*protobufs.Header{{Key: "Authorization", Value: "secret"}}},
		},
	}
	if change != nil {
		change(p)
	}
	return p
}

func availableOf(packages map[string]*protobufs.PackageAvailable) *protobufs.ServerToAgent {
	return &protobufs.ServerToAgent{PackagesAvailable: &protobufs.PackagesAvailable{Packages: packages, AllPackagesHash: []byte{0xff}}}
}

// heard returns the offer that came of a message.
func heard(t *testing.T, b *bench, m *protobufs.ServerToAgent) core.PackagesOffered {
	t.Helper()
	events := b.hears(m)
	require.Len(t, events, 1)
	ev, ok := events[0].(core.PackagesOffered)
	require.True(t, ok, "%+v", events[0])
	return ev
}

func TestPackageIsStoredBeforeItIsOffered(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", packaged())
	ev := heard(t, b, availableOf(map[string]*protobufs.PackageAvailable{"": available(nil)}))
	assert.Equal(t, "ff", ev.All)
	assert.Equal(t, core.PackageOffer{Version: "2", Hash: "aa", Content: strings.Repeat("07", 32), Body: ev.Offer.Body}, ev.Offer)
	require.Len(t, b.blobs, 1)
	f, err := remotepackage.Decode([]byte(b.blobs[0]))
	require.NoError(t, err)
	assert.Equal(t, remotepackage.File{
		URL: "https://releases.example/otelcol.tgz", Signature: []byte("sig"),
		Headers: []remotepackage.Header{{Name: "Authorization", Value: "secret"}},
	}, f)
}

func TestPackagesWithoutTheGrantAreNotHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	assert.Empty(t, b.hears(availableOf(map[string]*protobufs.PackageAvailable{"": available(nil)})))
	assert.Zero(t, allGranted().Capabilities()&uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages))
	both := protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages | protobufs.AgentCapabilities_AgentCapabilities_ReportsPackageStatuses
	assert.Equal(t, uint64(both), packaged().Capabilities()&uint64(both))
}

// Each of these crashed the reference's library or went unnoticed (G-13, G-26).
func TestHostilePackagesAreAnsweredWithTheCause(t *testing.T) {
	t.Parallel()
	for words, change := range map[string]func(*protobufs.PackageAvailable){
		"names no file":                 func(p *protobufs.PackageAvailable) { p.File = nil },
		"content_hash has 0 bytes":      func(p *protobufs.PackageAvailable) { p.File.ContentHash = nil },
		"content_hash has 5 bytes":      func(p *protobufs.PackageAvailable) { p.File.ContentHash = []byte("short") },
		"hash has 0 bytes":              func(p *protobufs.PackageAvailable) { p.Hash = nil },
		"hash has 2000 bytes":           func(p *protobufs.PackageAvailable) { p.Hash = make([]byte, 2000) },
		"version has 300 bytes":         func(p *protobufs.PackageAvailable) { p.Version = strings.Repeat("v", 300) },
		"signature has 70000 bytes":     func(p *protobufs.PackageAvailable) { p.File.Signature = make([]byte, 70000) },
		"addons are not supported":      func(p *protobufs.PackageAvailable) { p.Type = protobufs.PackageType_PackageType_Addon },
		"unknown type 7":                func(p *protobufs.PackageAvailable) { p.Type = 7 },
		"not one of https://HOST/PATH":  func(p *protobufs.PackageAvailable) { p.File.DownloadUrl = "file:///etc/passwd" },
		"not one of https://HOST/PATH ": func(p *protobufs.PackageAvailable) { p.File.DownloadUrl = "https:///x" },
		"URL has 9008 bytes":            func(p *protobufs.PackageAvailable) { p.File.DownloadUrl = "https://" + strings.Repeat("h", 9000) },
		"headers have 20007 bytes": func(p *protobufs.PackageAvailable) {
			p.File.Headers.Headers[0] = &protobufs.Header{Key: "X-Large", Value: strings.Repeat("x", 20000)}
		},
	} {
		b := newBench(t, "ws://127.0.0.1:1", packaged())
		ev := heard(t, b, availableOf(map[string]*protobufs.PackageAvailable{"": available(change)}))
		assert.Empty(t, ev.Offer.Content, words)
		assert.Contains(t, ev.Offer.Extras, strings.TrimSpace(words))
		assert.Empty(t, b.blobs)
		status := b.packageStatuses(core.PackageReport{All: ev.All, Offer: ev.Offer, Has: core.Release{Version: "1", Hash: "01"}})
		own := status.GetPackages()[""]
		assert.Equal(t, protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed, own.GetStatus(), words)
		assert.Contains(t, own.GetErrorMessage(), strings.TrimSpace(words))
		assert.Equal(t, "1", own.GetAgentHasVersion(), "what the agent has is told all the same (S-194)")
	}
	b := newBench(t, "ws://127.0.0.1:1", packaged())
	ev := heard(t, b, availableOf(map[string]*protobufs.PackageAvailable{"": nil}))
	assert.Contains(t, ev.Offer.Extras, "names no file")
}

func TestOthersPackagesAreRefusedEachByName(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", packaged())
	ev := heard(t, b, availableOf(map[string]*protobufs.PackageAvailable{
		"":         available(nil),
		"../evil":  available(nil),
		"addon":    available(func(p *protobufs.PackageAvailable) { p.Type = protobufs.PackageType_PackageType_Addon }),
		"\xff\xfe": nil,
	}))
	assert.NotEmpty(t, ev.Offer.Content)
	statuses := b.packageStatuses(core.PackageReport{All: ev.All, Offer: ev.Offer, Code: core.PackagePending, Has: core.Release{Version: "1"}}).GetPackages()
	assert.Len(t, statuses, 4)
	assert.Equal(t, protobufs.PackageStatusEnum_PackageStatusEnum_InstallPending, statuses[""].GetStatus())
	assert.Contains(t, statuses["addon"].GetErrorMessage(), "addons are not supported")
	assert.Contains(t, statuses["../evil"].GetErrorMessage(), "not known here")
	for name, s := range statuses {
		assert.Equal(t, name, s.GetName(), "S-193")
	}
}

func TestOfferThatIsTooLargeIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", packaged())
	many := map[string]*protobufs.PackageAvailable{}
	for i := range 65 {
		many[strings.Repeat("x", i)] = available(nil)
	}
	ev := heard(t, b, availableOf(many))
	assert.Contains(t, ev.Offer.Problem, "65 packages")
	status := b.packageStatuses(core.PackageReport{All: ev.All, Offer: ev.Offer, Has: core.Release{Version: "1"}})
	assert.Contains(t, status.GetErrorMessage(), "65 packages", "S-230")
	assert.Equal(t, []byte{0xff}, status.GetServerProvidedAllPackagesHash(), "A-9")
}

func TestStatusesFollowTheRulesOfTheSpecification(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", packaged())
	report := core.PackageReport{
		All: "ff", Offer: core.PackageOffer{Version: "2", Hash: "aa", Content: "c"}, Message: "why",
		Has: core.Release{Version: "1", Hash: "01"}, Percent: 40, Rate: 1000,
	}
	for code := core.PackagePending; code <= core.PackageFailed; code++ {
		report.Code = code
		s := b.packageStatuses(report).GetPackages()[""]
		assert.Equal(t, []byte{0xaa}, s.GetServerOfferedHash(), "%s: S-197, S-198", code)
		assert.Equal(t, "1", s.GetAgentHasVersion())
		assert.Equal(t, []byte{1}, s.GetAgentHasHash())
		assert.Equal(t, code == core.PackageFailed, s.GetErrorMessage() != "", "%s: S-196, S-197", code)
		assert.Equal(t, code == core.PackageDownloading, s.GetDownloadDetails() != nil, "%s: S-199", code)
	}
	report.Code, report.Offer = core.PackageNone, core.PackageOffer{}
	s := b.packageStatuses(report).GetPackages()[""]
	assert.Empty(t, s.GetServerOfferedVersion()+string(s.GetServerOfferedHash()), "S-195")
	assert.Nil(t, b.packageStatuses(core.PackageReport{}), "nothing is known yet")
}
