package testkit

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// Package is one package to offer. Whether its fields make sense is up to the test.
type Package struct {
	Name, Version string
	Hash          []byte // nil stands for one made of Version, ContentHash and Signature; an empty one is offered as it is
	URL           string
	ContentHash   []byte // the SHA-256 of the file
	Signature     []byte
	Headers       map[string]string // of the download
	Addon         bool
}

// Packages is the offer of these packages and no others. The hash of the whole covers names and hashes; none have one, too.
func Packages(packages ...Package) *protobufs.ServerToAgent {
	offer := &protobufs.PackagesAvailable{Packages: map[string]*protobufs.PackageAvailable{}}
	for _, p := range packages {
		offer.Packages[p.Name] = p.available()
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(offer.GetPackages())) {
		_, _ = fmt.Fprintf(h, "%d:%s%x;", len(name), name, offer.GetPackages()[name].GetHash())
	}
	offer.AllPackagesHash = h.Sum(nil)
	return &protobufs.ServerToAgent{PackagesAvailable: offer}
}

func (p Package) available() *protobufs.PackageAvailable {
	file := &protobufs.DownloadableFile{DownloadUrl: p.URL, ContentHash: p.ContentHash, Signature: p.Signature}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		if file.Headers == nil {
			file.Headers = &protobufs.Headers{}
		}
		file.Headers.Headers = append(file.Headers.Headers, &protobufs.Header{Key: name, Value: p.Headers[name]})
	}
	a := &protobufs.PackageAvailable{Version: p.Version, Hash: p.Hash, File: file}
	if p.Hash == nil {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%x;%x", len(p.Version), p.Version, p.ContentHash, p.Signature))
		a.Hash = sum[:]
	}
	if p.Addon {
		a.Type = protobufs.PackageType_PackageType_Addon
	}
	return a
}

// OfferPackages makes these packages the ones offered from now on and returns the hash of the whole: at once on open WebSockets,
// and to every agent that connects or polls and has echoed another hash. See [Naive]. No packages are an offer too.
func (s *Server) OfferPackages(packages ...Package) []byte {
	m := Packages(packages...)
	s.push(m, func() { s.plan.packages = m.GetPackagesAvailable() })
	return m.GetPackagesAvailable().GetAllPackagesHash()
}

// WithdrawPackages ends the offer without another in its place; agents keep what they have.
func (s *Server) WithdrawPackages() {
	s.update(func() { s.plan.packages = nil })
}

// PackageReport is what the agent said of one package at one time.
type PackageReport struct {
	*protobufs.PackageStatus
	AllHash []byte // the server_provided_all_packages_hash that came with it
	At      time.Time
}

// PackageHistory returns every report on the package with that name, oldest first; they are not to be changed.
func (s *Server) PackageHistory(name string) []PackageReport {
	var all []PackageReport
	s.read(func() {
		for _, m := range s.record.msgs {
			statuses := m.GetPackageStatuses()
			if status := statuses.GetPackages()[name]; status != nil {
				all = append(all, PackageReport{status, statuses.GetServerProvidedAllPackagesHash(), m.At})
			}
		}
	})
	return all
}

// WaitPackage returns the first report on a package since the last [Server.Mark] (or the start) that matches, which may have
// arrived already. When none does within the timeout, the test fails and ends; desc says what it waited for.
func (s *Server) WaitPackage(tb testing.TB, desc string, timeout time.Duration, match func(*protobufs.PackageStatus) bool) *protobufs.PackageStatus {
	tb.Helper()
	var found *protobufs.PackageStatus
	s.WaitFor(tb, "a package: "+desc, timeout, func(m *protobufs.AgentToServer) bool {
		for _, status := range byName(m.GetPackageStatuses()) {
			if match(status) {
				found = status
				return true
			}
		}
		return false
	})
	return found
}

// PackageIs matches the status of a package that was offered with that hash.
func PackageIs(hash []byte, status protobufs.PackageStatusEnum) func(*protobufs.PackageStatus) bool {
	return func(s *protobufs.PackageStatus) bool {
		return s.GetStatus() == status && bytes.Equal(s.GetServerOfferedHash(), hash)
	}
}

// byName goes over the packages in the order of their keys.
func byName(statuses *protobufs.PackageStatuses) iter.Seq2[string, *protobufs.PackageStatus] {
	return func(yield func(string, *protobufs.PackageStatus) bool) {
		for _, name := range slices.Sorted(maps.Keys(statuses.GetPackages())) {
			if !yield(name, statuses.GetPackages()[name]) {
				return
			}
		}
	}
}

// wordPackages tells of packages in a few words, for a test that failed waiting.
func wordPackages(statuses *protobufs.PackageStatuses) string {
	var b strings.Builder
	if why := statuses.GetErrorMessage(); why != "" {
		fmt.Fprintf(&b, " packages %q", why)
	}
	for name, s := range byName(statuses) {
		fmt.Fprintf(&b, " package %q %s", name, strings.TrimPrefix(s.GetStatus().String(), "PackageStatusEnum_"))
		if d := s.GetDownloadDetails(); d != nil {
			fmt.Fprintf(&b, " %.0f %%", d.GetDownloadPercent())
		}
		fmt.Fprintf(&b, " offered %s has %s", cmp.Or(s.GetServerOfferedVersion(), "-"), cmp.Or(s.GetAgentHasVersion(), "-"))
		if why := s.GetErrorMessage(); why != "" {
			fmt.Fprintf(&b, " %q", why)
		}
	}
	return b.String()
}
