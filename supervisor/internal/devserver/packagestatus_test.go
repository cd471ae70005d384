package devserver

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
)

const (
	installed   = protobufs.PackageStatusEnum_PackageStatusEnum_Installed
	pending     = protobufs.PackageStatusEnum_PackageStatusEnum_InstallPending
	downloading = protobufs.PackageStatusEnum_PackageStatusEnum_Downloading
	installing  = protobufs.PackageStatusEnum_PackageStatusEnum_Installing
	notDone     = protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed
)

// of is a report on one package that an offer is to replace.
func of(status protobufs.PackageStatusEnum, change func(*protobufs.PackageStatus)) *protobufs.AgentToServer {
	s := &protobufs.PackageStatus{
		Status: status, AgentHasVersion: "0.149.0", AgentHasHash: []byte{0xaa},
		ServerOfferedVersion: "0.150.0", ServerOfferedHash: []byte{0xbb},
	}
	if change != nil {
		change(s)
	}
	return &protobufs.AgentToServer{PackageStatuses: &protobufs.PackageStatuses{Packages: map[string]*protobufs.PackageStatus{"": s}}}
}

func TestAnUpgradeIsToldInWords(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		at := func(percent, speed float64) func(*protobufs.PackageStatus) {
			return func(s *protobufs.PackageStatus) {
				s.DownloadDetails = &protobufs.PackageDownloadDetails{DownloadPercent: percent, DownloadBytesPerSecond: speed}
			}
		}
		first := hello()
		first.PackageStatuses = of(installed, func(s *protobufs.PackageStatus) {
			s.ServerOfferedVersion, s.ServerOfferedHash = "", nil
		}).GetPackageStatuses()
		a.ask(t, first)
		for _, m := range []*protobufs.AgentToServer{
			of(pending, nil), of(downloading, nil), of(downloading, at(40, 1)), of(downloading, at(40.1, 2)),
			of(installing, nil),
			of(notDone, func(s *protobufs.PackageStatus) { s.ErrorMessage = "it crashed\nthrice" }),
			of(installed, func(s *protobufs.PackageStatus) { s.AgentHasVersion, s.AgentHasHash = "0.150.0", []byte{0xbb} }),
		} {
			a.ask(t, m)
		}
		r.out.shows(t, "INSTALLED")
		text, _ := r.out.snapshot()
		var said []string
		for line := range strings.Lines(text) {
			if _, rest, found := strings.Cut(line, "agent "+a.name()+" "); found {
				said = append(said, strings.TrimSpace(rest))
			}
		}
		assert.Equal(t, []string{
			"has 0.149.0", "is going to install package 0.150.0", "is downloading package 0.150.0", "is downloading package 0.150.0 (40 %)",
			"is installing package 0.150.0",
			"package 0.150.0 FAILED: it crashed (1 more line in " + filepath.Join(r.dir, "agents", a.uid.String(), packageStatusFile) + ")",
			"INSTALLED 0.150.0",
		}, said[1:], "after the line on its arrival")
	})
}

func TestPackagesAreToldByNameAndWhatTheyHave(t *testing.T) {
	t.Parallel()
	for text, s := range map[string]*protobufs.PackageStatus{
		`INSTALLED "otelcol" 1`:                                          {Status: installed, AgentHasVersion: "1", ServerOfferedHash: []byte{1}},
		`has "otelcol" ab`:                                               {Status: installed, AgentHasHash: []byte{0xab}},
		`is installing package "otelcol" ab`:                             {Status: installing, ServerOfferedHash: []byte{0xab}},
		`package "otelcol" without a version FAILED: unwanted`:           {Status: notDone, ErrorMessage: "unwanted"},
		`package "otelcol" 1 has a status this server does not know: 77`: {Status: 77, ServerOfferedVersion: "1"},
		"": {Status: installed},
	} {
		got, _ := wordPackage("otelcol", s, "")
		assert.Equal(t, text, got)
	}
	got, _ := wordPackage("otelcol", nil, "")
	assert.Empty(t, got)
}

func TestARefusedOfferIsTold(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := dial(t, r.addr)
	a.ask(t, hello())
	refused := &protobufs.AgentToServer{PackageStatuses: &protobufs.PackageStatuses{ErrorMessage: "too many packages"}}
	a.ask(t, refused)
	refused.PackageStatuses.ServerProvidedAllPackagesHash = []byte("changes")
	a.ask(t, refused)
	text, _ := r.out.snapshot()
	assert.Equal(t, 1, strings.Count(text, "refuses the packages offered: too many packages\n"))
}

func TestPackageStatusesAreOnDiskForPeople(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		a.ask(t, hello())
		report := of(notDone, func(s *protobufs.PackageStatus) { s.ErrorMessage = "a > b" })
		report.PackageStatuses.ServerProvidedAllPackagesHash = []byte{0xcc}
		a.ask(t, report)
		assert.JSONEq(t, `{
  "server_provided_all_packages_hash": "cc",
  "packages": {
    "": {
      "status": "InstallFailed",
      "agent_has_version": "0.149.0",
      "agent_has_hash": "aa",
      "server_offered_version": "0.150.0",
      "server_offered_hash": "bb",
      "error_message": "a > b"
    }
  }
}`, r.read(t, a.uid, packageStatusFile))
	})
}
