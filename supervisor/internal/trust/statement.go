package trust

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

const statementType = "opampd.release.v1"

// Release is what a release is called and where it runs.
type Release struct {
	Package string `json:"package"`
	Version string `json:"version"`
	OS      string `json:"os"`   // as GOOS
	Arch    string `json:"arch"` // as GOARCH
}

// Statement is what the publisher says of an archive, and signs.
type Statement struct {
	Type string `json:"type"` // opampd.release.v1
	Release
	SHA256 string `json:"sha256"` // of the archive, lower-case hex
	Size   int64  `json:"size"`   // of the archive, bytes
	// Index orders the releases of a package: 1 or more, higher is newer.
	Index int64 `json:"index"`
	// Floor is the lowest index that may still be installed once this release was; at most
	// Index. 0 asks for nothing.
	Floor     int64     `json:"floor,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"` // evidence that this time has come; never a reason to refuse
	Expires   time.Time `json:"expires"`             // when it may not be offered any more; what is installed runs on
	Downgrade *Permit   `json:"downgrade,omitempty"`
	Notes     string    `json:"notes,omitempty"` // for people: a few words or a URL
}

// Permit allows to go back to the release, from an installed one whose index lies in
// [FromMin, FromMax].
type Permit struct {
	FromMin int64     `json:"from_min"`
	FromMax int64     `json:"from_max"`
	Expires time.Time `json:"expires"`
	Fleet   string    `json:"fleet,omitempty"` // only hosts with this label (Policy.Fleet); empty for all
}

// parseStatement reads the payload of an envelope.
func parseStatement(payload []byte) (*Statement, error) {
	var s Statement
	if err := strict(payload, &s); err != nil {
		return nil, err
	}
	return &s, s.check()
}

func (s *Statement) check() error {
	switch {
	case s.Type != statementType:
		return fmt.Errorf("its type is %s, not %s", quote(s.Type), statementType)
	case !isSHA256(s.SHA256):
		return errors.New("sha256 must be 64 digits of lower-case hex")
	case s.Size < 1:
		return errors.New("size must be at least 1")
	case s.Index < 1:
		return errors.New("index must be at least 1")
	case s.Floor < 0 || s.Floor > s.Index:
		return fmt.Errorf("floor must be between 0 and the index, %d", s.Index)
	case s.Expires.IsZero():
		return errors.New("expires must be a time, as in 2027-01-31T00:00:00Z")
	case !s.NotBefore.Before(s.Expires):
		return errors.New("not_before must be before expires")
	case !plain(s.Notes, 1000):
		return errors.New("notes must be at most 1000 bytes without control characters")
	}
	return errors.Join(s.Release.check(), s.Downgrade.check())
}

// check keeps names to what can be shown, put into a file name and compared without
// surprise.
func (r Release) check() error {
	name := regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+-]{0,99}$`)
	platform := regexp.MustCompile(`^[0-9a-z]{1,20}$`)
	switch {
	case !name.MatchString(r.Package):
		return fmt.Errorf("the package name %s must be 1 to 100 letters, digits, dots, underscores, plus signs or hyphens", quote(r.Package))
	case !name.MatchString(r.Version):
		return fmt.Errorf("the version %s must be 1 to 100 letters, digits, dots, underscores, plus signs or hyphens", quote(r.Version))
	case !platform.MatchString(r.OS):
		return fmt.Errorf("os is %s; it must be such as linux", quote(r.OS))
	case !platform.MatchString(r.Arch):
		return fmt.Errorf("arch is %s; it must be such as amd64", quote(r.Arch))
	}
	return nil
}

func (p *Permit) check() error {
	switch {
	case p == nil:
		return nil
	case p.FromMin < 1 || p.FromMax < p.FromMin:
		return errors.New("downgrade: from_min must be at least 1, and from_max not less")
	case p.Expires.IsZero():
		return errors.New("downgrade: expires must be a time, as in 2027-01-31T00:00:00Z")
	case !plain(p.Fleet, 100):
		return errors.New("downgrade: fleet must be at most 100 bytes without control characters")
	}
	return nil
}

func isSHA256(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && s == strings.ToLower(s)
}

// plain says whether a text is short and does nothing to a terminal.
func plain(s string, most int) bool {
	return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
