package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// identity says who may sign, in the terms of the reference supervisor's package.verifier.cosign.identities: of each
// pair exactly one is set. A regex has to match the whole name; regexps of Sigstore's own tools do with a part of it,
// and then `github.com/acme` also lets https://evil.example/github.com/acme sign.
type identity struct {
	Issuer       string `json:"issuer"` // who vouched: the OpenID Connect issuer
	IssuerRegex  string `json:"issuer_regex"`
	Subject      string `json:"subject"` // for whom: the certificate's alternative name
	SubjectRegex string `json:"subject_regex"`
}

// parseIdentity reads one identity from JSON; it refuses unknown fields, since a misspelt one would restrict nothing.
func parseIdentity(text string) (identity, error) {
	var i identity
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&i); err != nil {
		return i, fmt.Errorf("not an identity in JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return i, errors.New("more than one identity in one flag; repeat the flag")
	}
	if (i.Issuer == "") == (i.IssuerRegex == "") {
		return i, errors.New("set one of issuer and issuer_regex")
	}
	if (i.Subject == "") == (i.SubjectRegex == "") {
		return i, errors.New("set one of subject and subject_regex")
	}
	_, err := i.policy("")
	return i, err
}

// policy is the identity for the verifier, restricted to workflows of a repository (OWNER/REPO) unless that is empty.
func (i identity) policy(repository string) (verify.CertificateIdentity, error) {
	var none verify.CertificateIdentity
	issuerRegex, err := whole(i.IssuerRegex)
	if err != nil {
		return none, fmt.Errorf("issuer_regex: %w", err)
	}
	subjectRegex, err := whole(i.SubjectRegex)
	if err != nil {
		return none, fmt.Errorf("subject_regex: %w", err)
	}
	issuer, err := verify.NewIssuerMatcher(i.Issuer, issuerRegex)
	if err != nil {
		return none, fmt.Errorf("issuer_regex: %w", err)
	}
	subject, err := verify.NewSANMatcher(i.Subject, subjectRegex)
	if err != nil {
		return none, fmt.Errorf("subject_regex: %w", err)
	}
	policy, err := verify.NewCertificateIdentity(subject, issuer, certificate.Extensions{GithubWorkflowRepository: repository})
	if err != nil {
		return none, fmt.Errorf("identity: %w", err)
	}
	return policy, nil
}

// whole anchors a regex at both ends. It is compiled alone first: `a)|(?:b` is none, and would become one that does not
// hold at either end.
func whole(expr string) (string, error) {
	if expr == "" {
		return "", nil
	}
	if _, err := regexp.Compile(expr); err != nil {
		return "", err //nolint:wrapcheck // names the expression and what is wrong with it
	}
	return `\A(?:` + expr + `)\z`, nil
}
