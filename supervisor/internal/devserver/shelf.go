package devserver

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// shelf is what there is to offer of packages.
type shelf struct {
	file *packageFile // nil while there is none
	used bool         // there was one, so that there is none any more is an offer too
	seen fs.FileInfo  // the package file when it was looked at last, nil for none
}

// restock reads the package again and offers it to whom it is new. What cannot be read changes nothing. If patient, it leaves a
// package alone that is still being copied, or whose signature may be, and returns when it is to be called again; 0 means never.
func (f *fleet) restock(patient bool) time.Duration {
	dir := filepath.Join(f.dir, packagesDir)
	if patient && f.shelf.changes(dir) {
		return copyTime
	}
	file, err := readPackage(dir) // a second or so for the largest: the loop is kept waiting, nobody minds
	if err != nil {
		f.out.say(bad, "the package offered stays as it was: %v", err)
		return 0
	}
	was := f.shelf.file
	switch {
	case patient && f.shelf.changes(dir):
		return copyTime
	case patient && file.awaitsSignature(was):
		f.out.say(busy, "%s waits %s for its signature, %s", file.path, signatureTime, file.name()+signatureExt)
		return signatureTime
	}
	f.shelf.file = file // of the same content, perhaps, but another file
	if bytes.Equal(file.allHash(), was.allHash()) {
		return 0
	}
	f.shelf.used = true
	f.sayPackage(dir)
	for _, a := range f.agents {
		if a.link != nil && f.wantsPackages(a, time.Now()) {
			f.push(a, &protobufs.ServerToAgent{PackagesAvailable: f.offerPackages(a)})
		}
	}
	return 0
}

// changes says whether the package is another file, or has grown, since it was looked at last.
func (s *shelf) changes(dir string) bool {
	was := s.seen
	s.seen = nil
	if path, err := findPackage(dir); err == nil && path != "" {
		s.seen, _ = os.Stat(path) // no file is none to wait for
	}
	return s.seen != nil && !unchanged(s.seen, was)
}

func (f *fleet) sayPackage(dir string) {
	p := f.shelf.file
	if p == nil {
		f.out.say(plain, "offering no package any more: there is none in %s", dir)
		return
	}
	signed := "signed"
	if len(p.signature) == 0 {
		signed = "not signed"
	}
	f.out.say(plain, "offering %s: %s in %s (%.1f MiB, SHA-256 %s, %s)",
		packageTitle("", p.version, p.hash()), p.name(), dir, float64(p.info.Size())/(1<<20), hex.EncodeToString(p.content), signed)
	for _, a := range f.agents {
		if a.transport != "" && a.lacks(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages) {
			f.tell(a, bad, "takes no packages")
		}
	}
}

// wantsPackages says whether what the shelf holds is news to the agent: it can take packages (S-180), has not answered that offer,
// with whatever outcome (S-231), and has not just been made it.
func (f *fleet) wantsPackages(a *agent, now time.Time) bool {
	if !f.shelf.used || a.lacks(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages) {
		return false
	}
	reports := !a.lacks(protobufs.AgentCapabilities_AgentCapabilities_ReportsPackageStatuses)
	return a.packages.isNews(f.shelf.file.allHash(), a.state.GetPackageStatuses().GetServerProvidedAllPackagesHash(), reports, now)
}

// offerPackages returns the offer for the agent and notes that it is made.
func (f *fleet) offerPackages(a *agent) *protobufs.PackagesAvailable {
	offer := f.shelf.file.offer(a.addr)
	a.packages = offered{hash: offer.GetAllPackagesHash(), at: time.Now()}
	return offer
}
