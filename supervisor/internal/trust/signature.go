package trust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

func (j *judgement) size(context.Context) (string, error) {
	if n := len(j.Offer.Signature); n > maxSignature {
		return "", refuse(checkSize, "the signature has %d bytes; at most %d are read", n, maxSignature)
	}
	return fmt.Sprintf("the signature has %d bytes, the archive %d", len(j.Offer.Signature), j.Archive.Size), nil
}

func (j *judgement) digest(context.Context) (string, error) {
	if !bytes.Equal(j.Archive.Digest[:], j.Offer.ContentHash) {
		return "", refuse(checkDigest, "the archive has the SHA-256 %s, but %x was offered", j.Archive.sha256(), j.Offer.ContentHash[:min(len(j.Offer.ContentHash), 64)])
	}
	return "the archive is the one that was offered, SHA-256 " + j.Archive.sha256(), nil
}

// signature asks whether enough of the right keys signed. The key list is settled first,
// whatever the format: what it revokes holds for all of them.
func (j *judgement) signature(ctx context.Context) (string, error) {
	format, err := sniff(j.Offer.Signature)
	if err != nil {
		return "", refuse(checkFormat, "the signature cannot be read: %v", err)
	}
	j.Format = format
	if format == FormatEnvelope {
		return j.envelope()
	}
	if j.list, j.state, err = j.lists(j.state, nil); err != nil {
		return "", err
	}
	if j.rootless(format) {
		return j.unsigned(format)
	}
	if j.policy.Threshold > 1 {
		return "", refuse(checkThreshold, "%d keys must have signed, and a signature of the format %s counts as one", j.policy.Threshold, format)
	}
	if format == FormatMinisign {
		return j.minisignature()
	}
	return j.bundle(ctx)
}

// rootless says that there is nobody who could be believed in this format.
func (t *Trust) rootless(format string) bool {
	switch format {
	case FormatEnvelope:
		return len(t.keys)+len(t.roots) == 0
	case FormatMinisign:
		return len(t.minisign) == 0
	case FormatSigstore:
		return len(t.sigstore.roots) == 0
	}
	return true
}

// unsigned is for what nobody vouches for.
func (j *judgement) unsigned(format string) (string, error) {
	switch {
	case j.policy.HashOnly:
		j.HashOnly = true
		return NotChecked + ": hash-only-insecure is set, and there is nobody to believe", nil
	case format == FormatNone:
		return "", refuse(checkUnsigned, "it is not signed: sign it with opampd package sign, and have the server offer the signature")
	}
	return "", refuse(checkRoot, "the signature is of the format %s, and no trust root of that kind is configured", format)
}

func (j *judgement) envelope() (string, error) {
	e, err := openEnvelope(j.Offer.Signature, releaseType)
	if err != nil {
		return "", refuse(checkFormat, "the envelope cannot be read: %v", err)
	}
	if j.list, j.state, err = j.lists(j.state, e.keyList); err != nil {
		return "", err
	}
	if j.rootless(FormatEnvelope) {
		return j.unsigned(FormatEnvelope)
	}
	keys := j.signingKeys()
	if len(keys) == 0 {
		return "", refuse(checkKey, "no key list is known yet, so no key is trusted to sign a release: send the list along, or name it in the local file")
	}
	signers := e.signers(keys)
	if len(signers) == 0 {
		return "", refuse(checkKey, "none of the trusted keys signed it (trusted: %s; it names %s)", names(keys), quote(strings.Join(e.keyIDs(), ", ")))
	}
	if j.Statement, err = parseStatement(e.payload); err != nil {
		return "", refuse(checkStatement, "the signed statement is not accepted: %v", err)
	}
	return j.count(signers)
}

// signingKeys are those of local files and then, since a key that is in both is good for
// all releases, those of the list.
func (j *judgement) signingKeys() []publicKey {
	keys := slices.Clip(j.keys)
	if j.list != nil && j.list.believed {
		keys = append(keys, j.list.keys...)
	}
	return keys
}

// count leaves out the keys that are not good for a release of this index.
func (j *judgement) count(signers []publicKey) (string, error) {
	for _, key := range signers {
		if key.goodFor(j.Statement.Index) {
			j.Signers = append(j.Signers, key.name())
		}
	}
	if len(j.Signers) < j.policy.Threshold {
		return "", refuse(checkThreshold, "%d trusted keys signed it, of which %d may sign index %d; %d are needed (signed by %s)",
			len(signers), len(j.Signers), j.Statement.Index, j.policy.Threshold, names(signers))
	}
	return "signed by " + strings.Join(j.Signers, ", "), nil
}

func (j *judgement) minisignature() (string, error) {
	signed, err := parseMinisign(j.Offer.Signature)
	if err != nil {
		return "", refuse(checkFormat, "the minisign signature cannot be read: %v", err)
	}
	key, err := j.minisigned(signed, j.Offer.Signature, j.Archive)
	switch {
	case err != nil:
		return "", err
	case key == nil:
		return "", refuse(checkKey, "none of the trusted minisign keys signed this archive (it names %016X)", signed.KeyID)
	}
	if j.Statement, err = parseComment(signed.TrustedComment, j.Archive); err != nil {
		return "", refuse(checkStatement, "the statement in the trusted comment is not accepted: %v", err)
	}
	j.Signers, j.BytesOnly = []string{key.name()}, j.Statement == nil
	return "signed by minisign key " + key.name(), nil
}

func (j *judgement) bundle(ctx context.Context) (string, error) {
	signer, err := j.sigstore.signer(ctx, j.Offer.Signature, j.Archive)
	if err != nil {
		if refusal, no := errors.AsType[*Refusal](err); no {
			return "", refuse(checkKey, "the Sigstore bundle is not accepted: %s", refusal.Reason)
		}
		return "", err
	}
	j.Signers, j.BytesOnly = []string{signer}, true
	return "signed, by Sigstore bundle, by " + signer, nil
}
