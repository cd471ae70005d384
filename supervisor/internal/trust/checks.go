package trust

import (
	"context"
	"fmt"
	"time"
)

// NotChecked begins the outcome of a Check that could not be made.
const NotChecked = "NOT CHECKED"

const notStated = NotChecked + ": what was signed does not say"

// aboutArchive keeps the signature of one file from being shown with another.
func (j *judgement) aboutArchive(context.Context) (string, error) {
	s := j.Statement
	switch {
	case s == nil:
		return notStated, nil
	case s.SHA256 != j.Archive.sha256():
		return "", refuse(checkArchive, "the signature is of another archive, with the SHA-256 %s and not %s", s.SHA256, j.Archive.sha256())
	case s.Size != j.Archive.Size:
		return "", refuse(checkArchive, "the signature is of an archive of %d bytes; this one has %d", s.Size, j.Archive.Size)
	}
	return "the statement is about this archive", nil
}

func (j *judgement) aboutHost(context.Context) (string, error) {
	s := j.Statement
	switch {
	case s == nil:
		return notStated, nil
	case s.OS != j.Host.OS:
		return "", refuse(checkOS, "it is for %s, and this host runs %s", s.OS, j.Host.OS)
	case s.Arch != j.Host.Arch:
		return "", refuse(checkArch, "it is for %s, and this host is %s", s.Arch, j.Host.Arch)
	case j.Host.Package != "" && s.Package != j.Host.Package:
		return "", refuse(checkPackage, "it is the package %s, and this host has %s", s.Package, quote(j.Host.Package))
	}
	return fmt.Sprintf("it is for %s/%s, as this host", s.OS, s.Arch), nil
}

func (j *judgement) aboutOffer(context.Context) (string, error) {
	s, o := j.Statement, j.Offer
	switch {
	case s == nil:
		return notStated, nil
	case o.Package != "" && s.Package != o.Package:
		return "", refuse(checkPackage, "it is the package %s, and was offered as %s", s.Package, quote(o.Package))
	case o.Version != "" && s.Version != o.Version:
		return "", refuse(checkVersion, "it is version %s, and was offered as %s", s.Version, quote(o.Version))
	}
	return fmt.Sprintf("it is %s %s, index %d", s.Package, s.Version, s.Index), nil
}

func (j *judgement) revocation(context.Context) (string, error) {
	r, index := j.revoked(j.list, j.state), int64(0)
	if j.Statement != nil {
		index = j.Statement.Index
	}
	if err := r.check(j.Archive.sha256(), j.Signers, j.policy.Threshold, index); err != nil {
		return "", err
	}
	if j.Statement == nil {
		return "not revoked; the floor was not checked, for what was signed has no index", nil
	}
	return fmt.Sprintf("not revoked, and not below the floor, %d", r.floor), nil
}

// now is what time it is at least. A clock that is behind, as of machines that just
// started, must not make an old offer new; one that is ahead costs no more than an offer.
func (j *judgement) now() time.Time {
	s := j.state
	if j.Statement != nil {
		s = s.seen(j.Statement.NotBefore)
	}
	if s.SignedTime.After(j.Host.Now) {
		return s.SignedTime
	}
	return j.Host.Now
}

func (j *judgement) expiry(context.Context) (string, error) {
	switch s := j.Statement; {
	case s == nil:
		return notStated, nil
	case !j.now().Before(s.Expires):
		return "", refuse(checkExpired, "the offer was good until %s; have it signed again", stamp(s.Expires))
	default:
		return "the offer is good until " + stamp(s.Expires), nil
	}
}

// index lets newer releases pass. An older one can be what the publisher wants back, or
// an attack with a hole of the past: so it takes a word of somebody other than the server.
func (j *judgement) index(context.Context) (string, error) {
	s := j.Statement
	switch {
	case s == nil:
		return notStated, nil
	case s.Index >= j.Host.Installed:
		return fmt.Sprintf("index %d is not lower than the installed one, %d", s.Index, j.Host.Installed), nil
	case j.policy.AllowDowngrade == DowngradeNone:
		return "", refuse(checkIndex, "index %d is lower than the installed one, %d, and allow_downgrade is none", s.Index, j.Host.Installed)
	case j.policy.AllowDowngrade == DowngradeAny:
		j.Downgrade = "any"
		return "goes back, as allow_downgrade is any", nil
	case j.Host.Approved:
		j.Downgrade = "approved"
		return "goes back, as an operator asked for it on this host", nil
	}
	if err := j.permit(s.Downgrade); err != nil {
		return "", err
	}
	j.Downgrade = "permit"
	return fmt.Sprintf("goes back from index %d, as the signed permit allows until %s", j.Host.Installed, stamp(s.Downgrade.Expires)), nil
}

func (j *judgement) permit(p *Permit) error {
	const remedy = "have it signed with --downgrade-from, or apply it on this host"
	switch {
	case p == nil:
		return refuse(checkIndex, "index %d is lower than the installed one, %d, and nothing permits to go back: %s", j.Statement.Index, j.Host.Installed, remedy)
	case j.Host.Installed < p.FromMin || j.Host.Installed > p.FromMax:
		return refuse(checkPermit, "it permits to go back from index %d to %d, and %d is installed: %s", p.FromMin, p.FromMax, j.Host.Installed, remedy)
	case p.Fleet != "" && p.Fleet != j.policy.Fleet:
		return refuse(checkPermit, "it permits to go back in the fleet %s, and this host is of %s: %s", quote(p.Fleet), quote(j.policy.Fleet), remedy)
	case !j.now().Before(p.Expires):
		return refuse(checkPermitExpired, "its permit to go back was good until %s: %s", stamp(p.Expires), remedy)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
