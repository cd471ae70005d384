package testkit

import (
	"bytes"
	"slices"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// echoGrace is how long a report that crossed an offer on its way may arrive after it.
const echoGrace = 5 * time.Second

// packagesOffer is an offer as it was made to one agent.
type packagesOffer struct {
	*protobufs.PackagesAvailable
	conn int
	uid  string
	at   time.Time
}

// possession is what an agent may call INSTALLED: what it had, and what it was installing.
type possession struct{ had, installing []byte }

func checkInstallingFirst(r *record, report func(string, ...any)) {
	all, lost := map[string]possession{}, map[string]bool{}
	for _, m := range r.msgs {
		uid, statuses := string(m.GetInstanceUid()), m.GetPackageStatuses()
		lost[uid] = lost[uid] || m.AfterFault
		for key, s := range byName(statuses) {
			may, hash := all[uid+key], s.GetServerOfferedHash()
			sudden := s.GetStatus() == protobufs.PackageStatusEnum_PackageStatusEnum_Installed &&
				r.wasOffered(uid, key, hash, m.At) && !bytes.Equal(hash, may.installing) && !r.sameContent(key, hash, may.had)
			if sudden && !lost[uid] && r.conns[m.Conn].Transport == WebSocket {
				report("conn %d seq %d: package %q is INSTALLED and was not Installing (%s)", m.Conn, m.GetSequenceNum(), key, s)
			}
			all[uid+key] = may.after(s)
		}
		if statuses != nil {
			delete(lost, uid)
		}
	}
}

// after is what may be INSTALLED after the status.
func (p possession) after(s *protobufs.PackageStatus) possession {
	installed := s.GetStatus() == protobufs.PackageStatusEnum_PackageStatusEnum_Installed
	if installed || !bytes.Equal(s.GetAgentHasHash(), s.GetServerOfferedHash()) { // else it is the one that is being installed
		p.had = s.GetAgentHasHash()
	}
	p.installing = nil
	if s.GetStatus() == protobufs.PackageStatusEnum_PackageStatusEnum_Installing {
		p.installing = s.GetServerOfferedHash()
	}
	return p
}

// wasOffered says whether the package was offered to the agent before.
func (r *record) wasOffered(uid, key string, hash []byte, before time.Time) bool {
	return slices.ContainsFunc(r.packages, func(o packagesOffer) bool {
		p := o.GetPackages()[key]
		return o.uid == uid && o.at.Before(before) && p != nil && bytes.Equal(p.GetHash(), hash)
	})
}

// sameContent says whether two hashes of a package are one, or were offered with the same content.
func (r *record) sameContent(key string, a, b []byte) bool {
	content := func(hash []byte) []byte {
		for _, o := range r.packages {
			if p := o.GetPackages()[key]; p != nil && bytes.Equal(p.GetHash(), hash) {
				return p.GetFile().GetContentHash()
			}
		}
		return nil
	}
	return bytes.Equal(a, b) || len(content(a)) > 0 && bytes.Equal(content(a), content(b))
}

func checkPackagesHash(r *record, report func(string, ...any)) {
	for _, session := range r.sessions() {
		checkEchoes(session, r.offersIn(session), report)
	}
}

// offersIn returns the offers that were made in a session, oldest first.
func (r *record) offersIn(session []Message) []packagesOffer {
	conns := map[int]bool{}
	for _, m := range session {
		conns[m.Conn] = true
	}
	return slices.DeleteFunc(slices.Clone(r.packages), func(o packagesOffer) bool { return !conns[o.conn] })
}

func checkEchoes(session []Message, offers []packagesOffer, report func(string, ...any)) {
	made, echoed := 0, -1 // how many offers were made by now, and which was echoed last
	for _, m := range session {
		for made < len(offers) && offers[made].at.Before(m.At) {
			made++
		}
		if m.AfterFault { // what was offered before may never have arrived
			offers, made, echoed = offers[made:], 0, -1
		}
		statuses := m.GetPackageStatuses()
		if statuses == nil || made == 0 || !acceptsPackages(m) {
			continue
		}
		is := func(o packagesOffer) bool {
			return bytes.Equal(o.GetAllPackagesHash(), statuses.GetServerProvidedAllPackagesHash())
		}
		newest, from := offers[made-1], max(echoed, 0)
		at := slices.IndexFunc(offers[from:made], is)
		if at < 0 && echoed >= 0 || !is(newest) && m.At.Sub(newest.at) > echoGrace {
			report("conn %d seq %d: server_provided_all_packages_hash is %.8x, and %.8x was offered %s before",
				m.Conn, m.GetSequenceNum(), statuses.GetServerProvidedAllPackagesHash(), newest.GetAllPackagesHash(), m.At.Sub(newest.at))
		}
		if at >= 0 {
			echoed = from + at
		}
	}
}
