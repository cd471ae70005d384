package trust

import (
	"context"
	"errors"
	"fmt"

	"aead.dev/minisign"
)

// Kinds of Root.
const (
	KindKey         = "key"          // PEM public key, signs releases in envelopes
	KindRoot        = "root"         // PEM public key kept offline, signs key lists only
	KindMinisign    = "minisign"     // minisign public key, signs archives
	KindSigstoreKey = "sigstore-key" // PEM public key, signs Sigstore bundles
	KindSigstore    = "sigstore"     // trusted_root.json, for Sigstore bundles without a key
)

// Values of Policy.AllowDowngrade.
const (
	DowngradeSigned = "signed" // with a permit in the statement, or an operator's word; the default
	DowngradeAny    = "any"    // whenever one is offered
	DowngradeNone   = "none"   // never
)

// Root is a local file that says whom to believe.
type Root struct {
	Kind string
	File string
	ID   string // what to call the key; empty for the fingerprint, 16 hex digits of the SHA-256 of its DER
}

// Policy is how much is asked of a release.
type Policy struct {
	// Threshold is how many different keys must have signed a statement, RootThreshold how
	// many root keys a key list; 0 means 1. A minisign or Sigstore signature counts as one.
	Threshold     int
	RootThreshold int
	// HashOnly admits what has no signature, which lets whoever controls the server run
	// what he likes (hash-only-insecure).
	HashOnly       bool
	AllowDowngrade string // empty means signed
	Fleet          string // label of this host for downgrade permits
}

// Identity is who may have signed a Sigstore bundle without a key; empty fields are not
// compared.
type Identity struct{ Issuer, IssuerRegex, Subject, SubjectRegex string }

// SigstoreRequest asks whether a Sigstore bundle is good for an archive: by KeyFile, or by
// TrustedRootFile and one of Identities.
type SigstoreRequest struct {
	Bundle          []byte
	Digest          [32]byte // SHA-256 of the archive
	KeyFile         string
	TrustedRootFile string
	Identities      []Identity
	Repository      string // GitHub repository that the certificate must name; empty for any
}

// SigstoreSigner is who signed a bundle without a key; zero with a key.
type SigstoreSigner struct{ Issuer, Subject string }

// Settings are where trust comes from.
type Settings struct {
	Roots           []Root
	KeyListFile     string // a signed key list; empty for none
	RevocationsFile string // see Revoked; empty for none
	// Owner is the uid, beside root, who may own the files above: 0 on a host.
	Owner      int
	Policy     Policy
	Identities []Identity
	Repository string
	// Sigstore checks a bundle. A *Refusal as error means no; any other that it cannot be told.
	Sigstore func(context.Context, SigstoreRequest) (SigstoreSigner, error)
}

// Trust is what Load made of Settings. It never changes, and may be used from several
// goroutines.
type Trust struct {
	policy   Policy
	keys     []publicKey // may sign envelopes
	roots    []publicKey // may sign key lists
	named    []publicKey // all keys of local files, for what they are called
	minisign []minisignKey
	sigstore sigstore
	list     *signedList // of the local file
	local    revocations
}

type minisignKey struct {
	publicKey
	minisign minisign.PublicKey
}

// Load reads the trust roots and what else the settings name, once: what changes later is
// not noticed. Each must be a regular file that only root can change, see readGuarded; the
// error names every file that is not, and the remedy.
func Load(s Settings) (*Trust, error) {
	t := &Trust{policy: s.Policy, sigstore: sigstore{verify: s.Sigstore, identities: s.Identities, repository: s.Repository}}
	errs := []error{t.policy.settle()}
	for _, root := range s.Roots {
		if err := t.load(root, s.Owner); err != nil {
			errs = append(errs, fmt.Errorf("trust root %s (%s): %w", root.File, root.Kind, err))
		}
	}
	errs = append(errs, t.loadRevocations(s.RevocationsFile, s.Owner), t.loadKeyList(s.KeyListFile, s.Owner))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, t.possible()
}

func (p *Policy) settle() error {
	if p.AllowDowngrade == "" {
		p.AllowDowngrade = DowngradeSigned
	}
	p.Threshold, p.RootThreshold = max(p.Threshold, 1), max(p.RootThreshold, 1)
	switch p.AllowDowngrade {
	case DowngradeSigned, DowngradeAny, DowngradeNone:
		return nil
	}
	return fmt.Errorf("allow_downgrade is %q; it must be signed, any or none", p.AllowDowngrade)
}

// possible refuses settings under which nothing could ever be installed: better now than
// at the first upgrade in a hurry.
func (t *Trust) possible() error {
	switch {
	case len(t.keys)+len(t.roots)+len(t.minisign)+len(t.sigstore.roots) == 0 && !t.policy.HashOnly:
		return errors.New("there is no trust root, so no release could be believed: name one")
	case len(t.roots) > 0 && t.policy.RootThreshold > len(t.roots):
		return fmt.Errorf("%d root keys must sign a key list, and there are %d", t.policy.RootThreshold, len(t.roots))
	case len(t.roots) == 0 && t.policy.Threshold > max(len(t.keys), 1):
		return fmt.Errorf("%d keys must sign a release, and there are %d", t.policy.Threshold, len(t.keys))
	}
	return nil
}
