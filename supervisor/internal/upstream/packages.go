package upstream

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/remotepackage"
)

// What a server may make us keep of packages, in bytes unless said otherwise.
const (
	maxPackages  = 64 // in one offer
	maxVersion   = 256
	maxURL       = 8 << 10
	maxSignature = 64 << 10
	maxHeaders   = 16 << 10
)

// denied is a package that is not taken, with the reason that the server is told.
type denied struct {
	Name, Version, Hash, Reason string
}

// packagesOffered checks every field of an offer before anything moves (G-13), stores
// what is needed to fetch the package, and posts it.
func (l *Lane) packagesOffered(p *protobufs.PackagesAvailable) {
	all := p.GetAllPackagesHash()
	ev := core.PackagesOffered{All: hex.EncodeToString(all[:min(len(all), maxHash)])}
	switch {
	case len(all) > maxHash:
		ev.Offer.Problem = fmt.Sprintf("the all_packages_hash has %d bytes, at most %d are taken", len(all), maxHash)
	case len(p.GetPackages()) > maxPackages:
		ev.Offer.Problem = fmt.Sprintf("the offer has %d packages, at most %d are looked at", len(p.GetPackages()), maxPackages)
	default:
		var err error
		if ev.Offer, err = l.packageOffer(p.GetPackages()); err != nil {
			ev.Unkept = true
			ev.Offer.Problem = fmt.Sprintf("the offer cannot be stored, and is waited for again: %v", err)
			l.complain("packages", ev.Offer.Problem)
		}
	}
	l.Post(ev)
}

// packageOffer takes the one package that is meant for this agent, and answers the
// rest. Packages that are not known never remove the one that runs (S-183).
func (l *Lane) packageOffer(packages map[string]*protobufs.PackageAvailable) (offer core.PackageOffer, err error) {
	var rest []denied
	for name, p := range packages {
		if name != l.PackageName {
			rest = append(rest, deny(name, p, strange(p, l.PackageName)))
		}
	}
	offer = core.PackageOffer{Name: l.PackageName}
	if p, offered := packages[l.PackageName]; offered {
		if problem := fault(p); problem != "" {
			rest = append(rest, deny(l.PackageName, p, problem))
		} else if offer, err = l.take(p); err != nil {
			offer = core.PackageOffer{Name: l.PackageName}
		}
	}
	slices.SortFunc(rest, func(a, b denied) int { return strings.Compare(a.Name, b.Name) })
	if len(rest) > 0 {
		extras, _ := json.Marshal(rest) //nolint:errchkjson // strings only
		offer.Extras = string(extras)
	}
	return offer, err
}

func strange(p *protobufs.PackageAvailable, ours string) string {
	if p.GetType() == protobufs.PackageType_PackageType_Addon {
		return "addons are not supported: the Collector is one program"
	}
	return fmt.Sprintf("this package is not known here; the Collector is the package named %q (packages.name)", ours)
}

func deny(name string, p *protobufs.PackageAvailable, reason string) denied {
	hash := p.GetHash()
	return denied{
		Name: clip(name, maxVersion), Version: clip(p.GetVersion(), maxVersion),
		Hash: hex.EncodeToString(hash[:min(len(hash), maxHash)]), Reason: reason,
	}
}

// clip keeps valid text of a bounded length.
func clip(s string, limit int) string { return strings.ToValidUTF8(s[:min(len(s), limit)], "\uFFFD") }

// fault says what is wrong with a package, or nothing.
func fault(p *protobufs.PackageAvailable) string {
	f := p.GetFile()
	switch {
	case p.GetType() == protobufs.PackageType_PackageType_Addon:
		return "an addon is offered under the name of the Collector's package; addons are not supported"
	case p.GetType() != protobufs.PackageType_PackageType_TopLevel:
		return fmt.Sprintf("the package has the unknown type %d", p.GetType())
	case f == nil:
		return "the offer names no file"
	case len(p.GetHash()) == 0 || len(p.GetHash()) > maxHash:
		return fmt.Sprintf("the package's hash has %d bytes; between 1 and %d are needed", len(p.GetHash()), maxHash)
	case len(f.GetContentHash()) != 32: // an empty one would compare equal to nothing installed (G-26)
		return fmt.Sprintf("the file's content_hash has %d bytes; a SHA-256 has 32", len(f.GetContentHash()))
	case len(p.GetVersion()) > maxVersion:
		return fmt.Sprintf("the version has %d bytes, at most %d are taken", len(p.GetVersion()), maxVersion)
	case len(f.GetSignature()) > maxSignature:
		return fmt.Sprintf("the signature has %d bytes, at most %d are taken", len(f.GetSignature()), maxSignature)
	case headerSize(f.GetHeaders()) > maxHeaders:
		return fmt.Sprintf("the headers have %d bytes, at most %d are taken", headerSize(f.GetHeaders()), maxHeaders)
	}
	return faultyURL(f.GetDownloadUrl())
}

func faultyURL(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > maxURL:
		return fmt.Sprintf("the download URL has %d bytes, at most %d are taken", len(raw), maxURL)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "the download URL is not one of https://HOST/PATH"
	}
	return ""
}

func headerSize(h *protobufs.Headers) int {
	size := 0
	for _, header := range h.GetHeaders() {
		size += len(header.GetKey()) + len(header.GetValue())
	}
	return size
}

// take stores what is needed to fetch a package.
func (l *Lane) take(p *protobufs.PackageAvailable) (core.PackageOffer, error) {
	f := p.GetFile()
	file := remotepackage.File{URL: f.GetDownloadUrl(), Signature: f.GetSignature()}
	for _, h := range f.GetHeaders().GetHeaders() {
		file.Headers = append(file.Headers, remotepackage.Header{Name: h.GetKey(), Value: h.GetValue()})
	}
	body, err := remotepackage.Encode(file)
	if err != nil {
		return core.PackageOffer{}, err
	}
	sha, err := l.PutBlob(body)
	return core.PackageOffer{
		Name: l.PackageName, Version: clip(p.GetVersion(), maxVersion), Hash: hex.EncodeToString(p.GetHash()),
		Content: hex.EncodeToString(f.GetContentHash()), Body: sha,
	}, err
}
