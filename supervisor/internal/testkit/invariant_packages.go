package testkit

import (
	"bytes"
	"slices"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// The invariants of PackageStatuses. Those that compare with offers look at agents that accept packages only.
const (
	// PackageName: the name of a package is the key that it is listed under (S-193).
	PackageName Invariant = "package-name"
	// PackageHas: agent_has_version and agent_has_hash are both set or both empty (S-194).
	PackageHas Invariant = "package-has"
	// PackageOffered: server_offered_version and _hash are those of the offer whose hash is echoed, unless it is refused as a whole,
	// and empty for what it does not have (S-195); whoever downloads, installs or failed to says what (S-197, S-198).
	PackageOffered Invariant = "package-offered"
	// PackageError: only a package that failed has an error_message (S-196, S-197).
	PackageError Invariant = "package-error"
	// PackageProgress: only a package that is being downloaded has download_details (S-199).
	PackageProgress Invariant = "package-progress"
	// InstallingFirst: no package that was offered is INSTALLED before it was Installing, unless the agent had it, under whatever
	// hash (S-234); on WebSockets only, for a poll may miss it.
	InstallingFirst Invariant = "installing-first"
	// PackagesHash: server_provided_all_packages_hash is that of the newest offer of the connection, from echoGrace on, and never
	// goes back to an older one (S-231).
	PackagesHash Invariant = "packages-hash"
)

func packageChecks() map[Invariant]func(*record, func(string, ...any)) {
	return map[Invariant]func(*record, func(string, ...any)){
		PackageName: eachPackage(checkPackageName), PackageHas: eachPackage(checkPackageHas),
		PackageError: eachPackage(checkPackageError), PackageProgress: eachPackage(checkPackageProgress),
		PackageOffered: checkPackageOffered, InstallingFirst: checkInstallingFirst, PackagesHash: checkPackagesHash,
	}
}

func acceptsPackages(m Message) bool {
	return m.GetCapabilities()&uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages) != 0
}

// eachPackage makes a check of all reports out of one that says what is wrong with a package, or nothing.
func eachPackage(check func(key string, s *protobufs.PackageStatus) string) func(*record, func(string, ...any)) {
	return func(r *record, report func(string, ...any)) {
		for _, m := range r.msgs {
			for key, s := range byName(m.GetPackageStatuses()) {
				if wrong := check(key, s); wrong != "" {
					report("conn %d seq %d: package %q %s (%s)", m.Conn, m.GetSequenceNum(), key, wrong, s)
				}
			}
		}
	}
}

func checkPackageName(key string, s *protobufs.PackageStatus) string {
	if s.GetName() != key {
		return "has another name"
	}
	return ""
}

func checkPackageHas(_ string, s *protobufs.PackageStatus) string {
	if (s.GetAgentHasVersion() == "") != (len(s.GetAgentHasHash()) == 0) {
		return "has one of agent_has_version and agent_has_hash"
	}
	return ""
}

func checkPackageError(_ string, s *protobufs.PackageStatus) string {
	if s.GetErrorMessage() != "" && s.GetStatus() != protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed {
		return "has an error_message and did not fail"
	}
	return ""
}

func checkPackageProgress(_ string, s *protobufs.PackageStatus) string {
	if s.GetDownloadDetails() != nil && s.GetStatus() != protobufs.PackageStatusEnum_PackageStatusEnum_Downloading {
		return "has download_details and is not being downloaded"
	}
	return ""
}

// offer returns the last offer before the message whose hash it echoes, nil if none was made by this server.
func (r *record) offer(m Message) *protobufs.PackagesAvailable {
	echoed := m.GetPackageStatuses().GetServerProvidedAllPackagesHash()
	for _, o := range slices.Backward(r.packages) {
		if o.at.Before(m.At) && bytes.Equal(o.GetAllPackagesHash(), echoed) {
			return o.PackagesAvailable
		}
	}
	return nil
}

func checkPackageOffered(r *record, report func(string, ...any)) {
	for _, m := range r.msgs {
		statuses := m.GetPackageStatuses()
		if statuses == nil || !acceptsPackages(m) {
			continue
		}
		offer := r.offer(m)
		for key, s := range byName(statuses) {
			if wrong := offeredWrongly(s, offer, offer.GetPackages()[key], statuses.GetErrorMessage() != ""); wrong != "" {
				report("conn %d seq %d: package %q %s (%s)", m.Conn, m.GetSequenceNum(), key, wrong, s)
			}
		}
		for key := range offer.GetPackages() {
			if statuses.GetErrorMessage() == "" && statuses.GetPackages()[key] == nil {
				report("conn %d seq %d: package %q was offered and is not listed", m.Conn, m.GetSequenceNum(), key)
			}
		}
	}
}

// offeredWrongly compares what a status says of the offer with the offer that it answers, and the package in it, if there are any.
func offeredWrongly(s *protobufs.PackageStatus, offer *protobufs.PackagesAvailable, p *protobufs.PackageAvailable, refused bool) string {
	hash, version := s.GetServerOfferedHash(), s.GetServerOfferedVersion()
	switch {
	case offer != nil && p == nil && (len(hash) > 0 || version != ""):
		return "has server_offered_version or _hash and was not offered"
	case p != nil && !refused && (!bytes.Equal(hash, p.GetHash()) || version != p.GetVersion()):
		return "does not have the server_offered_version and _hash that were offered"
	case len(hash) > 0 || p != nil && len(p.GetHash()) == 0:
		return ""
	}
	switch s.GetStatus() {
	case protobufs.PackageStatusEnum_PackageStatusEnum_Downloading, protobufs.PackageStatusEnum_PackageStatusEnum_Installing,
		protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed:
		return "lacks server_offered_hash"
	case protobufs.PackageStatusEnum_PackageStatusEnum_Installed, protobufs.PackageStatusEnum_PackageStatusEnum_InstallPending:
	}
	return ""
}
