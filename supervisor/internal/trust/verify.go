package trust

import (
	"context"
	"encoding/hex"
	"io"
	"time"
)

// Archive is the file that was downloaded, as it was found to be.
type Archive struct {
	Digest [32]byte // SHA-256
	Size   int64    // bytes
	// Open reads it from the start; needed for minisign alone.
	Open func() (io.ReadCloser, error)
}

func (a Archive) sha256() string { return hex.EncodeToString(a.Digest[:]) }

// Offer is what the server said of the file.
type Offer struct {
	ContentHash []byte // DownloadableFile.content_hash (S-186)
	Signature   []byte // DownloadableFile.signature (S-187)
	Package     string // key in PackagesAvailable; empty when it names none (S-189)
	Version     string // empty when it says none
}

// Host is where the release shall run.
type Host struct {
	OS, Arch string // GOOS, GOARCH
	// Package is the name of the package that is installed or configured. When it is empty,
	// and so is the offer's, the first package that a trusted key signed is taken.
	Package string
	// Installed is the index of what is installed; 0 when it has none.
	Installed int64
	// Approved says that an operator asked for this very release on this host.
	Approved bool
	Now      time.Time
}

// Request is one release to be judged.
type Request struct {
	Archive Archive
	Offer   Offer
	Host    Host
}

// Verified is what is known of a release. It must be kept beside the release: its Signers
// and the statement's index are asked for by Trust.Revoked.
type Verified struct {
	Format string // one of Format…
	// Signers has one string for each key that signed and is trusted: its id and, if that
	// is something else, a blank and its fingerprint. For a Sigstore bundle without a key,
	// the subject of the certificate.
	Signers   []string
	Statement *Statement // nil if BytesOnly or HashOnly
	BytesOnly bool       // signed, but not as which release: no field was checked, and an old one can be played again
	HashOnly  bool       // not signed at all
	Downgrade string     // "", or why an older index was let pass: permit, approved, any
	Checks    []Check    // all that were passed, in order
}

// Check is one question and its answer, in words.
type Check struct{ Name, Outcome string }

// Verify judges a release. The state that it returns has to be on disk before anything
// that follows from it is done; it is to be kept after a *Refusal, too, for a key list that
// came along holds whatever became of the release. Once the release is installed for good,
// State.Installed comes next.
//
// The error is a *Refusal, or says why the question could not be answered. Verified has
// then the checks that were passed before.
func (t *Trust) Verify(ctx context.Context, r Request, s State) (Verified, State, error) {
	j := &judgement{Trust: t, Request: r, state: s}
	for _, step := range []struct {
		name string
		ask  func(context.Context) (string, error)
	}{
		{"size", j.size},
		{"digest", j.digest},
		{"signature", j.signature},
		{"archive", j.aboutArchive},
		{"host", j.aboutHost},
		{"offer", j.aboutOffer},
		{"revocation", j.revocation},
		{"expiry", j.expiry},
		{"index", j.index},
	} {
		outcome, err := step.ask(ctx)
		if err != nil {
			return j.Verified, j.state, err
		}
		j.Checks = append(j.Checks, Check{Name: step.name, Outcome: outcome})
	}
	if j.Statement != nil {
		j.state = j.state.seen(j.Statement.NotBefore)
	}
	return j.Verified, j.state, nil
}

// judgement is one call of Verify.
type judgement struct {
	*Trust
	Request
	Verified
	state State
	list  *signedList // the key list in force
}
