package devserver

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/open-telemetry/opamp-go/protobufs"
)

const packageStatusFile = "package-statuses.json"

// packagesView is what is written of PackageStatuses: JSON for people, in which hashes are hexadecimal and not base64.
type packagesView struct {
	AllHash  string                 `json:"server_provided_all_packages_hash,omitempty"`
	Error    string                 `json:"error_message,omitempty"`
	Packages map[string]packageView `json:"packages"`
}

type packageView struct {
	Status         string  `json:"status"`
	HasVersion     string  `json:"agent_has_version,omitempty"`
	HasHash        string  `json:"agent_has_hash,omitempty"`
	OfferedVersion string  `json:"server_offered_version,omitempty"`
	OfferedHash    string  `json:"server_offered_hash,omitempty"`
	Error          string  `json:"error_message,omitempty"`
	Percent        float64 `json:"download_percent,omitempty"`
	BytesPerSecond float64 `json:"download_bytes_per_second,omitempty"`
}

func (f *fleet) savePackages(a *agent, statuses *protobufs.PackageStatuses) {
	view := packagesView{
		AllHash: hex.EncodeToString(statuses.GetServerProvidedAllPackagesHash()), Error: statuses.GetErrorMessage(),
		Packages: map[string]packageView{},
	}
	for name, s := range statuses.GetPackages() {
		view.Packages[name] = packageView{
			Status:     strings.TrimPrefix(s.GetStatus().String(), "PackageStatusEnum_"),
			HasVersion: s.GetAgentHasVersion(), HasHash: hex.EncodeToString(s.GetAgentHasHash()),
			OfferedVersion: s.GetServerOfferedVersion(), OfferedHash: hex.EncodeToString(s.GetServerOfferedHash()),
			Error:   s.GetErrorMessage(),
			Percent: s.GetDownloadDetails().GetDownloadPercent(), BytesPerSecond: s.GetDownloadDetails().GetDownloadBytesPerSecond(),
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(view); err != nil {
		f.out.say(bad, "cannot write %s: %v", filepath.Join(a.dir, packageStatusFile), err)
		return
	}
	f.saveBytes(a, packageStatusFile, text.Bytes())
}

// tellPackages prints one line for each package of which there is something new to say.
func (f *fleet) tellPackages(a *agent, was, now *protobufs.PackageStatuses) {
	file := filepath.Join(a.dir, packageStatusFile)
	if why := now.GetErrorMessage(); why != "" && why != was.GetErrorMessage() {
		f.tell(a, bad, "refuses the packages offered: %s", firstLine(why, file))
	}
	for _, name := range sortedNames(now.GetPackages()) {
		before, _ := wordPackage(name, was.GetPackages()[name], file)
		if text, t := wordPackage(name, now.GetPackages()[name], file); text != "" && text != before {
			f.tell(a, t, "%s", text)
		}
	}
}

// wordPackage words the state of one package, empty when there is nothing to say. The speed of a download changes all the time and
// is in the file only.
func wordPackage(name string, s *protobufs.PackageStatus, file string) (string, tone) {
	if s == nil {
		return "", plain
	}
	offered := packageTitle(name, s.GetServerOfferedVersion(), s.GetServerOfferedHash())
	switch s.GetStatus() {
	case protobufs.PackageStatusEnum_PackageStatusEnum_InstallPending:
		return "is going to install " + offered, busy
	case protobufs.PackageStatusEnum_PackageStatusEnum_Downloading:
		if d := s.GetDownloadDetails(); d != nil {
			return fmt.Sprintf("is downloading %s (%.0f %%)", offered, d.GetDownloadPercent()), busy
		}
		return "is downloading " + offered, busy
	case protobufs.PackageStatusEnum_PackageStatusEnum_Installing:
		return "is installing " + offered, busy
	case protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed:
		return fmt.Sprintf("%s FAILED: %s", offered, firstLine(s.GetErrorMessage(), file)), bad
	case protobufs.PackageStatusEnum_PackageStatusEnum_Installed:
		return wordInstalled(name, s)
	default:
		return fmt.Sprintf("%s has a status this server does not know: %d", offered, s.GetStatus()), bad
	}
}

func wordInstalled(name string, s *protobufs.PackageStatus) (string, tone) {
	has := strings.TrimPrefix(packageTitle(name, s.GetAgentHasVersion(), s.GetAgentHasHash()), "package ")
	switch {
	case len(s.GetServerOfferedHash()) > 0:
		return "INSTALLED " + has, good
	case len(s.GetAgentHasHash()) > 0 || s.GetAgentHasVersion() != "":
		return "has " + has, plain
	}
	return "", plain
}

// packageTitle words a package: "package 0.150.0", with its name unless it is the empty one, and the hash if it has no version.
func packageTitle(name, version string, hash []byte) string {
	if name != "" {
		name = fmt.Sprintf("%q ", name)
	}
	return "package " + name + cmp.Or(version, short(hash), "without a version")
}
