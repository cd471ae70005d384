package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/release"
	"opampd/supervisor/internal/trust"
)

// verify asks whether the file may be installed here. What it learns of key lists is on
// disk before the answer counts.
func (l *Lane) verify(ctx context.Context, o core.PackageOffer, signature []byte, partial *release.Partial) (trust.Verified, error) {
	if l.Trust == nil {
		return trust.Verified{}, refused("no package can be verified: %w", l.Distrust)
	}
	content, err := hex.DecodeString(o.Content)
	if err != nil || len(content) != sha256.Size {
		return trust.Verified{}, refused("the content_hash %q is no SHA-256", o.Content)
	}
	before, err := l.trustState()
	if err != nil {
		return trust.Verified{}, err
	}
	host := l.Host
	host.Approved, host.Now = o.Manual, l.Now()
	if host.Installed, err = l.installed(); err != nil {
		return trust.Verified{}, fmt.Errorf("which release is installed cannot be told: %w", err)
	}
	verified, after, err := l.Trust.Verify(ctx, trust.Request{
		Archive: trust.Archive{Digest: [32]byte(content), Size: partial.Size(), Open: func() (io.ReadCloser, error) {
			return partial.Reader()
		}},
		Offer: trust.Offer{ContentHash: content, Signature: signature, Version: o.Version},
		Host:  host,
	}, before)
	if after != before {
		if saved := l.Releases.SaveTrust(after); saved != nil {
			return verified, fmt.Errorf("what was learnt of the keys cannot be kept: %w", saved)
		}
	}
	if _, no := errors.AsType[*trust.Refusal](err); no {
		return verified, &failure{core.KindBinary, err}
	}
	return verified, err
}

// trustState is what is known of key lists and floors.
func (l *Lane) trustState() (trust.State, error) {
	var s trust.State
	if _, err := l.Releases.LoadTrust(&s); err != nil {
		return s, fmt.Errorf("what is known of the keys cannot be read: %w", err)
	}
	return s, nil
}

// installed is the index of the release that is selected, 0 when it has none.
func (l *Lane) installed() (int64, error) {
	current, err := l.Releases.Current()
	if err != nil || current == "" {
		return 0, err
	}
	rec, err := l.Releases.Load(current)
	return rec.Index, err
}

// record is what is kept beside a release.
func (l *Lane) record(o core.PackageOffer, v trust.Verified) release.Record {
	rec := release.Record{
		Archive: o.Content, Program: l.Limits.Program, Name: o.Name, Version: o.Version, PackageHash: o.Hash,
		Signers: v.Signers, BytesOnly: v.BytesOnly || v.HashOnly, InstalledAt: l.Now(),
	}
	if s := v.Statement; s != nil {
		rec.Version, rec.Index, rec.Floor = s.Version, s.Index, s.Floor
	}
	return rec
}

// sound returns the record of a release that may run: its program is what was installed,
// and neither it nor those who signed it were revoked.
func (l *Lane) sound(id string) (release.Record, error) {
	if err := l.Releases.Sound(id); err != nil {
		return release.Record{}, err
	}
	rec, err := l.Releases.Load(id)
	if err != nil || l.Trust == nil {
		return rec, err
	}
	s, err := l.trustState()
	if err != nil {
		return rec, err
	}
	err = l.Trust.Revoked(rec.Archive, rec.Signers, rec.Index, s)
	if no, is := errors.AsType[*trust.Refusal](err); is && strings.HasPrefix(no.Check, "keylist") {
		l.Warn(fmt.Sprintf("a key list cannot be used, so that nothing is revoked by it: %v", no))
		return rec, nil // it says nothing against this release
	}
	return rec, err
}

// digest returns the SHA-256 of what was fetched, in hex.
func digest(ctx context.Context, partial *release.Partial) (string, error) {
	src, err := partial.Reader()
	if err != nil {
		return "", err
	}
	defer src.Close() //nolint:errcheck // read only
	h := sha256.New()
	if _, err := io.Copy(h, patient{ctx, src}); err != nil {
		return "", fmt.Errorf("read the package back: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// patient reads until its context ends.
type patient struct {
	ctx context.Context //nolint:containedctx // it lives for one copy
	io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err //nolint:wrapcheck // the caller says what was read
	}
	return p.Reader.Read(b) //nolint:wrapcheck // likewise
}
