package main

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// answer is what is said of a bundle that signs the artefact.
type answer struct {
	Verified bool   `json:"verified"` // true: there is no other answer
	Signer   string `json:"signer"`   // the key's id, or issuer and subject
	// Of a certificate alone.
	Issuer   string     `json:"issuer,omitempty"`
	Subject  string     `json:"subject,omitempty"`
	SignedAt *time.Time `json:"signed_at,omitempty"` // when a log or authority first saw the signature
	// PredicateType is what an in-toto statement says about the artefact: a provenance, a bill of materials.
	PredicateType string `json:"predicate_type,omitempty"`
}

// answer checks the bundle. Its error says on what and why it is refused.
func (r request) answer() ([]byte, error) {
	trusted, err := r.trust()
	if err != nil {
		return nil, fmt.Errorf("refused: %w", err)
	}
	signed, err := readBundle(r.bundle)
	if err != nil {
		return nil, fmt.Errorf("refused: %w", err)
	}
	a, err := trusted.check(signed, r.artefact)
	if err != nil {
		return nil, fmt.Errorf("refused: checked whether %s signs %s by %s: %w", r.bundle, r.artefact, trusted.name, err)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("refused: write the answer: %w", err)
	}
	return text, nil
}

// check returns an error unless the bundle proves that somebody trusted signed the artefact.
func (t trust) check(signed *bundle.Bundle, about artefact) (answer, error) {
	if err := t.suits(signed, about); err != nil {
		return answer{}, err
	}
	verifier, err := verify.NewVerifier(t.material, append(slices.Clone(t.evidence), verify.WithoutStatementPredicate())...)
	if err != nil {
		return answer{}, fmt.Errorf("set up the check: %w", err)
	}
	policy := verify.NewPolicy(verify.WithArtifactDigest(about.algorithm, about.digest), t.signers...)
	result, err := verifier.Verify(signed, policy)
	if err != nil {
		return answer{}, err //nolint:wrapcheck // says which step failed; the caller says on what
	}
	return t.describe(result)
}

// suits returns an error when the bundle cannot prove what is asked, in words that sigstore-go does not have. It also
// closes a hole: sigstore-go 1.3 takes an Ed25519 signature over nothing at all for one over whatever has the digest.
func (t trust) suits(signed *bundle.Bundle, about artefact) error {
	byKey := signed.GetVerificationMaterial().GetPublicKey() != nil
	if byKey && t.key == nil {
		return errors.New("it is signed by a bare key, and certificates are asked for")
	}
	if !byKey && t.key != nil {
		return errors.New("it is signed by a certificate, and a key is asked for")
	}
	message := signed.GetMessageSignature()
	if message == nil {
		return nil
	}
	if claimed := message.GetMessageDigest().GetDigest(); !bytes.Equal(claimed, about.digest) {
		return fmt.Errorf("it is for another artefact: its digest is %x", claimed)
	}
	if t.key != nil && t.key.algorithm.GetHashType() != crypto.SHA256 {
		return errors.New("by its SHA-256 a file can be signed with ECDSA P-256 and RSA keys alone; with this key, sign an in-toto statement")
	}
	return nil
}

// statementTypes are the versions of https://in-toto.io/Statement, as cosign and GitHub write them.
func statementTypes() []string {
	return []string{"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"}
}

// describe puts the result of a check into an answer.
func (t trust) describe(result *verify.VerificationResult) (answer, error) {
	a := answer{Verified: true}
	if statement := result.Statement; statement != nil {
		if !slices.Contains(statementTypes(), statement.GetType()) {
			return answer{}, fmt.Errorf("what is signed is no in-toto statement but a %q", statement.GetType())
		}
		a.PredicateType = statement.GetPredicateType()
	}
	if t.key != nil {
		a.Signer = t.key.id
		return a, nil
	}
	summary := result.Signature.Certificate
	a.Issuer, a.Subject = summary.Issuer, summary.SubjectAlternativeName
	a.Signer = a.Issuer + " / " + a.Subject
	for _, seen := range result.VerifiedTimestamps {
		if at := seen.Timestamp.UTC(); a.SignedAt == nil || at.Before(*a.SignedAt) {
			a.SignedAt = &at
		}
	}
	return a, nil
}
