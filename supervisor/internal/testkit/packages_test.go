package testkit

import (
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	installed   = protobufs.PackageStatusEnum_PackageStatusEnum_Installed
	downloading = protobufs.PackageStatusEnum_PackageStatusEnum_Downloading
	installing  = protobufs.PackageStatusEnum_PackageStatusEnum_Installing
	notDone     = protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed
)

func collector(version string) Package {
	return Package{Version: version, URL: "https://example.com/" + version, ContentHash: []byte(version)}
}

// fares is a report on one package and the offer as a whole.
func fares(all []byte, s *protobufs.PackageStatus) *protobufs.AgentToServer {
	return &protobufs.AgentToServer{PackageStatuses: &protobufs.PackageStatuses{
		Packages: map[string]*protobufs.PackageStatus{s.GetName(): s}, ServerProvidedAllPackagesHash: all,
	}}
}

func TestAnOfferOfPackagesIsAsItWasAskedFor(t *testing.T) {
	t.Parallel()
	offer := Packages(
		Package{
			Version: "1", URL: "https://example.com/c", ContentHash: []byte("sum"), Signature: []byte("signed"),
			Headers: map[string]string{"B": "2", "A": "1"},
		},
		Package{Name: "extra", Hash: []byte{}, Addon: true},
	).GetPackagesAvailable()
	p := offer.GetPackages()[""]
	assert.Equal(t, protobufs.PackageType_PackageType_TopLevel, p.GetType())
	assert.Equal(t, "1", p.GetVersion())
	assert.Len(t, p.GetHash(), 32)
	assert.Equal(t, "https://example.com/c", p.GetFile().GetDownloadUrl())
	assert.Equal(t, "sum", string(p.GetFile().GetContentHash()))
	assert.Equal(t, "signed", string(p.GetFile().GetSignature()))
	assert.Equal(t, "A", p.GetFile().GetHeaders().GetHeaders()[0].GetKey())
	extra := offer.GetPackages()["extra"]
	assert.Equal(t, protobufs.PackageType_PackageType_Addon, extra.GetType())
	assert.Empty(t, extra.GetHash(), "as it was asked for")
	assert.Nil(t, extra.GetFile().GetHeaders())
}

func TestOffersOfPackagesDifferInTheirHashes(t *testing.T) {
	t.Parallel()
	all := func(packages ...Package) string {
		return string(Packages(packages...).GetPackagesAvailable().GetAllPackagesHash())
	}
	one, two := collector("1"), collector("2")
	signed, named := one, one
	signed.Signature, named.Name = []byte("s"), "c"
	seen := map[string]bool{all(): true, all(one): true, all(two): true, all(signed): true, all(named): true, all(one, named): true}
	assert.Len(t, seen, 6)
	assert.Len(t, all(), 32)
	assert.Equal(t, all(one, named), all(named, one))
}

func TestPackagesReachWhoIsThereAndWhoConnectsLater(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, s *Server, a *testAgent) {
		t.Helper()
		a.ask(t, nil)
		all := s.OfferPackages(collector("1"))
		if a.ws != nil {
			assert.Equal(t, all, a.receive(t).GetPackagesAvailable().GetAllPackagesHash())
			assert.Nil(t, a.ask(t, nil).GetPackagesAvailable(), "once")
			require.NoError(t, a.connect(t))
		}
		answer := a.ask(t, nil)
		assert.Equal(t, all, answer.GetPackagesAvailable().GetAllPackagesHash())
		hash := answer.GetPackagesAvailable().GetPackages()[""].GetHash()
		echo := fares(all, &protobufs.PackageStatus{ServerOfferedVersion: "1", ServerOfferedHash: hash, Status: installing})
		assert.Nil(t, a.ask(t, echo).GetPackagesAvailable(), "it was answered")
		none := s.OfferPackages()
		assert.NotEqual(t, all, none)
		var emptied *protobufs.ServerToAgent
		if a.ws != nil {
			emptied = a.receive(t)
		} else {
			emptied = a.ask(t, nil)
		}
		assert.Equal(t, none, emptied.GetPackagesAvailable().GetAllPackagesHash())
		s.WithdrawPackages()
		assert.Nil(t, a.ask(t, nil).GetPackagesAvailable())
	})
}

func TestANaiveServerRepeatsItsPackages(t *testing.T) {
	t.Parallel()
	s := NewServer(t, Naive())
	all := s.OfferPackages(collector("1"))
	a := newAgent(t, s)
	hash := a.ask(t, nil).GetPackagesAvailable().GetPackages()[""].GetHash()
	a.ask(t, fares(all, &protobufs.PackageStatus{ServerOfferedVersion: "1", ServerOfferedHash: hash, Status: installing}))
	assert.Equal(t, all, a.ask(t, nil).GetPackagesAvailable().GetAllPackagesHash())
}

func TestReportsOnPackagesAreWaitedForAndKept(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	a := dial(t, s)
	for _, status := range []protobufs.PackageStatusEnum{downloading, installing} {
		a.ask(t, fares([]byte("all"), &protobufs.PackageStatus{Name: "c", ServerOfferedHash: []byte("h"), Status: status}))
	}
	a.ask(t, nil)
	assert.Equal(t, "c", s.WaitPackage(t, "installing", Patience, PackageIs([]byte("h"), installing)).GetName())
	history := s.PackageHistory("c")
	require.Len(t, history, 2)
	assert.Equal(t, downloading, history[0].GetStatus())
	assert.Equal(t, installing, history[1].GetStatus())
	assert.Equal(t, "all", string(history[1].AllHash))
	assert.False(t, history[1].At.Before(history[0].At))
	assert.Empty(t, s.PackageHistory(""))
}

func TestAWaitForAPackageTellsHowItFared(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	a := dial(t, s)
	a.ask(t, fares(nil, &protobufs.PackageStatus{
		ServerOfferedVersion: "2", ServerOfferedHash: []byte("h"), Status: downloading,
		DownloadDetails: &protobufs.PackageDownloadDetails{DownloadPercent: 40},
	}))
	bad := fares(nil, &protobufs.PackageStatus{
		AgentHasVersion: "1", AgentHasHash: []byte("g"), ServerOfferedHash: []byte("h"), Status: notDone, ErrorMessage: "no space",
	})
	bad.PackageStatuses.ErrorMessage = "too much"
	a.ask(t, bad)
	failure := fails(t, func(tb testing.TB) { s.WaitPackage(tb, "the impossible", time.Millisecond, PackageIs(nil, installed)) }) //nolint:thelper // not one
	assert.Contains(t, failure, "a package: the impossible")
	assert.Contains(t, failure, `seq 0: package "" Downloading 40 % offered 2 has -`)
	assert.Contains(t, failure, `seq 1: packages "too much" package "" InstallFailed offered - has 1 "no space"`)
}
