package trust

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// sigstore is what is needed to have a bundle checked.
type sigstore struct {
	roots      []sigstoreRoot
	verify     func(context.Context, SigstoreRequest) (SigstoreSigner, error)
	identities []Identity
	repository string
}

type sigstoreRoot struct {
	file    string
	keyless bool
	key     publicKey // only its name is used
}

// choosy says whether there are identities, and none of them is everybody.
func (s sigstore) choosy() bool {
	return len(s.identities) > 0 && !slices.ContainsFunc(s.identities, func(i Identity) bool {
		return i.Issuer+i.IssuerRegex == "" || i.Subject+i.SubjectRegex == ""
	})
}

// signer asks for each root whether the bundle is good, and returns who signed it.
func (s sigstore) signer(ctx context.Context, bundle []byte, archive Archive) (string, error) {
	var no, unknown error
	for _, root := range s.roots {
		signer, err := s.verify(ctx, s.request(root, bundle, archive))
		switch _, refused := errors.AsType[*Refusal](err); {
		case err == nil && root.keyless:
			return signer.Subject, nil
		case err == nil:
			return root.key.name(), nil
		case refused:
			no = err
		default:
			unknown = errors.Join(unknown, fmt.Errorf("check the Sigstore bundle against %s: %w", root.file, err))
		}
	}
	if unknown != nil { // it could be good: that is not for ever, as a refusal is
		return "", unknown
	}
	return "", no
}

func (s sigstore) request(root sigstoreRoot, bundle []byte, archive Archive) SigstoreRequest {
	r := SigstoreRequest{Bundle: bundle, Digest: archive.Digest}
	if root.keyless {
		r.TrustedRootFile, r.Identities, r.Repository = root.file, s.identities, s.repository
	} else {
		r.KeyFile = root.file
	}
	return r
}
