package upstream

import (
	"encoding/hex"
	"encoding/json"

	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/core"
)

// packageStatuses tells of the package that the agent has, the one that is offered, and
// those that are refused (S-191 to S-199, S-230, S-231).
func (l *Lane) packageStatuses(r core.PackageReport) *protobufs.PackageStatuses {
	if !l.Grants.Packages || r.Has.Version == "" && r.Code == core.PackageNone && r.Offer == (core.PackageOffer{}) {
		return nil
	}
	out := &protobufs.PackageStatuses{
		Packages:                      map[string]*protobufs.PackageStatus{},
		ServerProvidedAllPackagesHash: bytesOf(r.All), ErrorMessage: r.Offer.Problem,
	}
	own := ownStatus(r)
	own.Name = l.PackageName
	out.Packages[own.Name] = own
	var rest []denied
	_ = json.Unmarshal([]byte(r.Offer.Extras), &rest) // it is our own, or there is none
	for _, d := range rest {
		status := &protobufs.PackageStatus{
			Name: d.Name, ServerOfferedVersion: d.Version, ServerOfferedHash: bytesOf(d.Hash),
			Status: protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed, ErrorMessage: d.Reason,
		}
		if d.Name == own.Name {
			status.AgentHasVersion, status.AgentHasHash = own.GetAgentHasVersion(), own.GetAgentHasHash()
		}
		out.Packages[d.Name] = status
	}
	return out
}

// ownStatus is the state of the Collector's own package. What an operator of this host
// asked for was not offered by the server, and shows in what the agent has.
func ownStatus(r core.PackageReport) *protobufs.PackageStatus {
	s := &protobufs.PackageStatus{AgentHasVersion: r.Has.Version, AgentHasHash: bytesOf(r.Has.Hash)}
	if r.Code == core.PackageNone || r.Offer.Manual {
		return s // Installed is the zero value
	}
	s.ServerOfferedVersion, s.ServerOfferedHash = r.Offer.Version, bytesOf(r.Offer.Hash)
	s.Status = map[core.PackageCode]protobufs.PackageStatusEnum{
		core.PackagePending:     protobufs.PackageStatusEnum_PackageStatusEnum_InstallPending,
		core.PackageDownloading: protobufs.PackageStatusEnum_PackageStatusEnum_Downloading,
		core.PackageInstalling:  protobufs.PackageStatusEnum_PackageStatusEnum_Installing,
		core.PackageInstalled:   protobufs.PackageStatusEnum_PackageStatusEnum_Installed,
		core.PackageFailed:      protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed,
	}[r.Code]
	if r.Code == core.PackageFailed {
		s.ErrorMessage = r.Message
	}
	if r.Code == core.PackageDownloading && (r.Percent > 0 || r.Rate > 0) {
		s.DownloadDetails = &protobufs.PackageDownloadDetails{
			DownloadPercent: float64(r.Percent), DownloadBytesPerSecond: float64(r.Rate),
		}
	}
	return s
}

// bytesOf reads a hash of ours; what is none gives no bytes.
func bytesOf(hash string) []byte {
	raw, err := hex.DecodeString(hash)
	if err != nil {
		return nil
	}
	return raw
}
