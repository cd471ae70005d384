package testkit

import (
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// offer makes an offer of packages, as the server does, and returns the hash of the whole.
func (s *scene) offer(conn int, packages ...Package) []byte {
	offer := Packages(packages...).GetPackagesAvailable()
	s.now = s.now.Add(100 * time.Millisecond)
	s.packages = append(s.packages, packagesOffer{offer, conn, string(s.uid[:]), s.now})
	return offer.GetAllPackagesHash()
}

// fare is a report of an agent that accepts packages.
func (s *scene) fare(conn int, all []byte, status *protobufs.PackageStatus) *Message {
	m := s.say(conn, fares(all, status))
	m.Capabilities |= uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages)
	return m
}

// has is the state before any offer, and at what was offered with the version as its hash.
func has(version string) *protobufs.PackageStatus {
	return &protobufs.PackageStatus{AgentHasVersion: version, AgentHasHash: []byte(version)}
}

func on(version string, status protobufs.PackageStatusEnum, before string) *protobufs.PackageStatus {
	s := has(before)
	s.ServerOfferedVersion, s.ServerOfferedHash, s.Status = version, []byte(version), status
	return s
}

// release is a package whose hash is its version.
func release(version string) Package {
	p := collector(version)
	p.Hash = []byte(version)
	return p
}

// upgrade is what a good agent says from an offer on.
func (s *scene) upgrade(conn int, all []byte, from, to string) {
	progress := on(to, downloading, from)
	progress.DownloadDetails = &protobufs.PackageDownloadDetails{DownloadPercent: 40}
	for _, status := range []*protobufs.PackageStatus{on(to, downloading, from), progress, on(to, installing, from), on(to, installed, to)} {
		s.fare(conn, all, status)
	}
}

// requireBreach wants exactly one breach, of that invariant.
func (s *scene) requireBreach(t *testing.T, invariant Invariant) {
	t.Helper()
	breaches := s.check(nil)
	require.Len(t, breaches, 1)
	require.True(t, strings.HasPrefix(breaches[0], string(invariant)+": "), breaches[0])
	require.Empty(t, s.check([]Invariant{invariant}), "unless excepted")
}

func TestGoodUpgradesBreakNothing(t *testing.T) {
	t.Parallel()
	for _, transport := range []Transport{WebSocket, PlainHTTP} {
		s := newScene()
		c := s.open(transport)
		s.fare(c, nil, has("1"))
		two := s.offer(c, release("2"))
		s.upgrade(c, two, "1", "2")
		three := s.offer(c, release("3"), Package{Name: "extra", Version: "1", Hash: []byte("x")})
		failing := s.fare(c, three, on("3", installing, "2"))
		extra := &protobufs.PackageStatus{
			Name: "extra", ServerOfferedVersion: "1", ServerOfferedHash: []byte("x"), Status: notDone, ErrorMessage: "unwanted",
		}
		failing.PackageStatuses.Packages["extra"] = extra
		failed := on("3", notDone, "2")
		failed.ErrorMessage = "it crashed"
		s.fare(c, three, failed).PackageStatuses.Packages["extra"] = extra
		s.fare(c, s.offer(c, release("2")), on("2", installed, "2")) // it has that
		s.fare(c, s.offer(c), has("2"))
		refused := s.fare(c, s.offer(c, release("4")), has("2"))
		refused.PackageStatuses.ErrorMessage = "refused as a whole"
		assert.Empty(t, s.check(nil), transport)
	}
}

func TestEachBreachOfPackagesIsFound(t *testing.T) {
	t.Parallel()
	for name, breach := range map[string]struct {
		invariant Invariant
		status    func() *protobufs.PackageStatus // after an offer of version 2 to an agent with version 1
	}{
		"another name":             {PackageName, func() *protobufs.PackageStatus { return on("2", installing, "1") }}, // see below
		"a version without a hash": {PackageHas, func() *protobufs.PackageStatus { s := on("2", downloading, "1"); s.AgentHasHash = nil; return s }},
		"a hash without a version": {PackageHas, func() *protobufs.PackageStatus { s := on("2", downloading, "1"); s.AgentHasVersion = ""; return s }},
		"not what was offered":     {PackageOffered, func() *protobufs.PackageStatus { return on("3", downloading, "1") }},
		"another version": {PackageOffered, func() *protobufs.PackageStatus {
			s := on("2", downloading, "1")
			s.ServerOfferedVersion = "3"
			return s
		}},
		"nothing of the offer":       {PackageOffered, func() *protobufs.PackageStatus { return has("1") }},
		"an error while downloading": {PackageError, func() *protobufs.PackageStatus { s := on("2", downloading, "1"); s.ErrorMessage = "old"; return s }},
		"an error while installing":  {PackageError, func() *protobufs.PackageStatus { s := on("2", installing, "1"); s.ErrorMessage = "old"; return s }},
		"progress while installing": {PackageProgress, func() *protobufs.PackageStatus {
			s := on("2", installing, "1")
			s.DownloadDetails = &protobufs.PackageDownloadDetails{}
			return s
		}},
		"installed without installing": {InstallingFirst, func() *protobufs.PackageStatus { return on("2", installed, "2") }},
		"installed with what it had":   {InstallingFirst, func() *protobufs.PackageStatus { return on("2", installed, "1") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			c := s.open(WebSocket)
			s.fare(c, nil, has("1"))
			m := s.fare(c, s.offer(c, release("2")), breach.status())
			if breach.invariant == PackageName {
				m.PackageStatuses.Packages[""].Name = "other"
			}
			s.requireBreach(t, breach.invariant)
		})
	}
}

func TestAPackageThatWasNotOfferedIsNotSaidToBe(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	m := s.fare(c, s.offer(c, release("2")), on("2", installing, "1"))
	m.PackageStatuses.Packages["local"] = &protobufs.PackageStatus{Name: "local", ServerOfferedHash: []byte("x")}
	s.requireBreach(t, PackageOffered)
}

func TestEveryPackageOfferedIsListed(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	m := s.fare(c, s.offer(c, release("2"), Package{Name: "extra", Hash: []byte("x")}), on("2", installing, "1"))
	s.requireBreach(t, PackageOffered)
	m.PackageStatuses.ErrorMessage = "refused as a whole"
	assert.Empty(t, s.check(nil))
}

func TestWhoFailsSaysAtWhatEvenIfNobodyKnowsTheOffer(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.fare(s.open(WebSocket), []byte("from an earlier life"), &protobufs.PackageStatus{Status: notDone})
	s.requireBreach(t, PackageOffered)
	s.msgs[0].PackageStatuses.Packages[""].ServerOfferedHash = []byte("h")
	assert.Empty(t, s.check(nil))
}

func TestAPackageOfferedWithoutAHashCanBeAnsweredWithoutOne(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	s.fare(c, s.offer(c, Package{Version: "2", Hash: []byte{}}), &protobufs.PackageStatus{ServerOfferedVersion: "2", Status: notDone})
	assert.Empty(t, s.check(nil))
}

func TestOffersToAnAgentThatTakesNoneAreNotLookedFor(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	s.offer(c, release("2"))
	s.now = s.now.Add(2 * echoGrace)
	s.say(c, fares(nil, has("1")))
	assert.Empty(t, s.check(nil))
}

func TestInstalledBeforeTheOfferIsNoBreach(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	two := Packages(release("2")).GetPackagesAvailable().GetAllPackagesHash()
	s.fare(c, two, on("2", installed, "2")) // of an earlier life
	s.offer(c, release("2"))
	s.fare(c, two, on("2", installing, "2"))
	assert.Empty(t, s.check(nil))
}

func TestTheSameContentUnderAnotherHashIsInstalledAlready(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	s.fare(c, nil, has("1"))
	s.upgrade(c, s.offer(c, release("2")), "1", "2")
	again := release("3")
	again.ContentHash = release("2").ContentHash
	s.fare(c, s.offer(c, again), on("3", installed, "3"))
	assert.Empty(t, s.check(nil))
	s.fare(c, s.offer(c, release("4")), on("4", installed, "4"))
	s.requireBreach(t, InstallingFirst)
}

func TestGoingBackIsAnInstallationToo(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	s.fare(c, nil, has("1"))
	s.upgrade(c, s.offer(c, release("2")), "1", "2")
	s.upgrade(c, s.offer(c, release("3")), "2", "3")
	s.fare(c, s.offer(c, release("2")), on("2", installed, "2"))
	s.requireBreach(t, InstallingFirst)
}

func TestANewAttemptIsANewInstallation(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	all := s.offer(c, release("2"))
	s.fare(c, all, on("2", installing, "1"))
	s.fare(c, all, on("2", notDone, "1"))
	s.fare(c, all, on("2", installed, "2"))
	s.requireBreach(t, InstallingFirst)
}

func TestInstallingMayHaveBeenLost(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	all := s.offer(c, release("2"))
	s.say(s.open(WebSocket), nil).AfterFault = true
	s.conns[c].Closed = s.now
	s.fare(1, all, on("2", installed, "2"))
	assert.Empty(t, s.check(nil))

	s = newScene()
	c = s.open(PlainHTTP)
	s.fare(c, s.offer(c, release("2")), on("2", installed, "2"))
	assert.Empty(t, s.check(nil), "a poll may miss it")
}

func TestAnOldHashIsEchoedOnlyForAWhile(t *testing.T) {
	t.Parallel()
	for _, transport := range []Transport{WebSocket, PlainHTTP} {
		s := newScene()
		c := s.open(transport)
		s.fare(c, []byte("old"), has("1"))
		s.offer(c, release("2"))
		m := s.fare(c, []byte("old"), has("1.1"))
		assert.Empty(t, s.check(nil), "it crossed the offer")
		m.At = m.At.Add(echoGrace)
		s.requireBreach(t, PackagesHash)
	}
}

func TestAnEchoDoesNotGoBack(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	two, three := s.offer(c, release("2")), s.offer(c, release("3"))
	s.fare(c, two, on("2", downloading, "1"))
	s.fare(c, three, on("3", downloading, "1"))
	assert.Empty(t, s.check(nil))
	s.fare(c, two, on("2", downloading, "1"))
	s.requireBreach(t, PackagesHash)
}

func TestAnOfferMadeAgainIsEchoedAgain(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	two, three := s.offer(c, release("2")), s.offer(c, release("3"))
	s.offer(c, release("2"))
	s.fare(c, two, on("2", downloading, "1"))
	s.fare(c, three, on("3", downloading, "1"))
	s.fare(c, two, on("2", downloading, "1"))
	s.now = s.now.Add(2 * echoGrace)
	s.fare(c, two, on("2", installing, "1"))
	assert.Empty(t, s.check(nil))
}

func TestALostOfferNeedNotBeEchoed(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(PlainHTTP)
	s.fare(c, []byte("old"), has("1"))
	s.offer(c, release("2"))
	s.now = s.now.Add(2 * echoGrace)
	s.fare(c, []byte("old"), has("1.1")).AfterFault = true
	assert.Empty(t, s.check(nil))
}

func TestPackageStatusesAreNotRepeated(t *testing.T) {
	t.Parallel()
	s := newScene()
	c := s.open(WebSocket)
	s.fare(c, nil, has("1"))
	s.fare(c, nil, has("1"))
	s.requireBreach(t, NoRepeats)
}
