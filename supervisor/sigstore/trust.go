package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

// trust is what a bundle is checked against.
type trust struct {
	name     string // for people
	material root.TrustedMaterial
	evidence []verify.VerifierOption // that has to be in the bundle
	signers  []verify.PolicyOption   // of whom one has to have signed
	key      *publicKey              // unless certificates are asked for
}

// publicKey is a key whose signatures are believed.
type publicKey struct {
	id        string // "sha256:" and the digest of its DER form
	algorithm signature.AlgorithmDetails
}

// maxKey and maxTrustedRoot bound the files of the local administrator, bytes. The public trusted root has 7 KiB.
const (
	maxKey         = 64 << 10
	maxTrustedRoot = 1 << 20
)

// trust reads what the command line says to trust.
func (r request) trust() (trust, error) {
	if r.key != "" {
		return trustKey(r.key)
	}
	return trustIdentities(r.trustedRoot, r.identities, r.repository)
}

// trustKey believes one public key. No log and no timestamp is asked for: who holds the key needs neither, and the keys
// to check them by would have to come from a trusted root.
func trustKey(file string) (trust, error) {
	der, err := readKey(file)
	if err != nil {
		return trust{}, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return trust{}, fmt.Errorf("read the public key in %s: %w", file, err)
	}
	algorithm, err := signature.GetDefaultAlgorithmDetails(parsed)
	if err != nil {
		return trust{}, fmt.Errorf("the key in %s is of no kind that Sigstore signs with: %w", file, err)
	}
	verifier, err := signature.LoadVerifierFromAlgorithmDetails(parsed, algorithm)
	if err != nil {
		return trust{}, fmt.Errorf("use the public key in %s: %w", file, err)
	}
	sum := sha256.Sum256(der)
	key := &publicKey{id: "sha256:" + hex.EncodeToString(sum[:]), algorithm: algorithm}
	// Whichever key a bundle hints at: this is the one.
	this := func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
	}
	return trust{
		name:     "the key " + key.id + " in " + file,
		material: root.NewTrustedPublicKeyMaterial(this),
		evidence: []verify.VerifierOption{verify.WithNoObserverTimestamps()},
		signers:  []verify.PolicyOption{verify.WithKey()},
		key:      key,
	}, nil
}

// readKey returns the DER form of the one public key in a PEM file.
func readKey(file string) ([]byte, error) {
	data, err := readFile(file, maxKey)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, fmt.Errorf("%s holds no public key in PEM form", file)
	case block.Type != "PUBLIC KEY":
		return nil, fmt.Errorf("%s holds a %q; a PUBLIC KEY is needed", file, block.Type)
	case strings.TrimSpace(string(rest)) != "":
		return nil, fmt.Errorf("%s holds more than one key; one is needed", file)
	}
	return block.Bytes, nil
}

// trustIdentities believes certificates for one of the identities, with the evidence that sigstore-go's documentation
// asks for: the certificate is in a certificate transparency log, the signature in a transparency log, and a log or a
// timestamping authority saw it while the certificate was valid. None of it needs the clock of this host.
func trustIdentities(file string, identities []identity, repository string) (trust, error) {
	t := trust{
		name: fmt.Sprintf("the %d identities allowed and the authorities in %s", len(identities), file),
		evidence: []verify.VerifierOption{
			verify.WithSignedCertificateTimestamps(1),
			verify.WithTransparencyLog(1),
			verify.WithObserverTimestamps(1),
		},
	}
	for _, allowed := range identities {
		policy, err := allowed.policy(repository)
		if err != nil {
			return trust{}, err
		}
		t.signers = append(t.signers, verify.WithCertificateIdentity(policy))
	}
	if len(t.signers) == 0 {
		return trust{}, errors.New("no identity is allowed to sign")
	}
	data, err := readFile(file, maxTrustedRoot)
	if err != nil {
		return trust{}, err
	}
	if t.material, err = root.NewTrustedRootFromJSON(data); err != nil {
		return trust{}, fmt.Errorf("read the trusted root in %s (one JSON object; of a .jsonl file, one line): %w", file, err)
	}
	return t, nil
}
