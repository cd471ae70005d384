package main

import (
	"encoding/json"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	content   = "the bytes of a release"
	slsa      = "https://slsa.dev/provenance/v1"
	statement = "https://in-toto.io/Statement/v1"
	// release is the identity that the reference supervisor believes unless it is told otherwise.
	release = `{"issuer":"https://token.actions.githubusercontent.com","subject_regex":"^https://github.com/open-telemetry/` +
		`opentelemetry-collector-releases/.github/workflows/base-release.yaml@refs/tags/[^/]*$"}`
)

func TestWhatOpenTelemetryPublishesVerifies(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	for name, b := range map[string]*protobundle.Bundle{
		"in a log that says when":      s.sign(t, otel(), content),
		"in a log that does not":       s.signV2(t, otel(), content),
		"as a statement about a build": s.attest(t, otel(), statementAbout(statement, content)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := keyless(t, s, b, "--identity", release, "--repository", otel().repository)
			require.Equal(t, exitVerified, got.code, got.stderr)
			assert.Empty(t, got.stderr)
			var a answer
			require.NoError(t, json.Unmarshal([]byte(got.stdout), &a))
			assert.True(t, a.Verified)
			assert.Equal(t, otel().issuer, a.Issuer)
			assert.Equal(t, otel().subject, a.Subject)
			assert.Equal(t, otel().issuer+" / "+otel().subject, a.Signer)
			require.NotNil(t, a.SignedAt)
			assert.WithinDuration(t, time.Now(), *a.SignedAt, time.Minute)
			assert.Equal(t, b.GetDsseEnvelope() != nil, a.PredicateType == slsa)
		})
	}
}

func TestOneOfSeveralIdentitiesIsEnough(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	got := keyless(t, s, s.sign(t, otel(), content),
		"--identity", `{"issuer":"https://accounts.example","subject":"me@example.com"}`,
		"--identity", `{"issuer_regex":"https://token\\.actions\\..*","subject":"`+otel().subject+`"}`)
	assert.Equal(t, exitVerified, got.code, got.stderr)
}

func TestAnotherSignerIsRefused(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	b := s.sign(t, otel(), content)
	for name, flags := range map[string][]string{
		"subject":          {"--identity", `{"issuer_regex":".*","subject":"` + otel().subject + `0"}`},
		"issuer":           {"--identity", `{"issuer":"https://gitlab.com","subject_regex":".*"}`},
		"repository":       {"--identity", release, "--repository", "open-telemetry/opentelemetry-collector"},
		"start of subject": {"--identity", `{"issuer_regex":".*","subject_regex":"https://github.com/open-telemetry/"}`},
		"end of subject":   {"--identity", `{"issuer_regex":".*","subject_regex":"@refs/tags/v0.158.0"}`},
		"one of two ends":  {"--identity", `{"issuer_regex":".*","subject_regex":"^https://github.com/|v0.158.0$"}`},
		"by lines":         {"--identity", `{"issuer_regex":".*","subject_regex":"(?m)^https://github.com/$"}`},
		"start of issuer":  {"--identity", `{"issuer_regex":"https://token","subject_regex":".*"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyless(t, s, b, flags...).refused(t, "identity")
		})
	}
}

func TestANameThatOnlyContainsTheRightOneIsRefused(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	who := otel()
	who.subject = "https://evil.example/?" + who.subject
	keyless(t, s, s.sign(t, who, content), "--identity", release).refused(t, "identity")
}

func TestEvidenceThatIsMissingIsARefusal(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	unlogged := otel()
	unlogged.unlogged = true
	late := otel()
	late.notBefore = time.Now().Add(-20 * time.Minute)
	unstamped := s.signV2(t, otel(), content)
	unstamped.VerificationMaterial.TimestampVerificationData = nil
	unpromised := s.sign(t, otel(), content)
	unpromised.VerificationMaterial.TlogEntries[0].InclusionPromise = nil
	unproved := s.sign(t, otel(), content)
	unproved.VerificationMaterial.TlogEntries[0].InclusionProof = nil
	absent := s.sign(t, otel(), content)
	absent.VerificationMaterial.TlogEntries = nil
	borrowed := s.sign(t, otel(), content)
	borrowed.VerificationMaterial.TlogEntries = s.sign(t, otel(), content).VerificationMaterial.TlogEntries
	for name, refusal := range map[string]struct {
		bundle *protobundle.Bundle
		why    string
	}{
		"no timestamp":             {unstamped, "timestamps"},
		"no promise, no timestamp": {unpromised, "timestamps"},
		"no inclusion proof":       {unproved, "inclusion proof"},
		"no log entry":             {absent, "log"},
		"the log entry of another": {borrowed, "log"},
		"certificate not logged":   {s.sign(t, unlogged, content), "certificate timestamp"},
		"certificate had expired":  {s.sign(t, late, content), "certificate validity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyless(t, s, refusal.bundle, "--identity", release).refused(t, refusal.why)
		})
	}
}

func TestABundleForAnotherArtefactIsRefused(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	keyless(t, s, s.sign(t, otel(), "other"), "--identity", release).refused(t, "another artefact")
	keyless(t, s, s.signV2(t, otel(), "other"), "--identity", release).refused(t, "another artefact")
	keyless(t, s, s.attest(t, otel(), statementAbout(statement, "other")), "--identity", release).refused(t, "digest")

	lying := s.sign(t, otel(), "other")
	lying.GetMessageSignature().MessageDigest.Digest = s.sign(t, otel(), content).GetMessageSignature().MessageDigest.Digest
	keyless(t, s, lying, "--identity", release).refused(t, "does not match")
}

func TestWhatIsNoStatementIsRefused(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	odd := s.attest(t, otel(), statementAbout("https://example.com/Promise", content))
	keyless(t, s, odd, "--identity", release).refused(t, "no in-toto statement")
}

func TestAnAuthorityThatIsNotTrustedIsRefused(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	b := s.sign(t, otel(), content)
	keyless(t, newInstance(t), b, "--identity", release).refused(t, "log")

	stranger := *s
	stranger.fulcio, stranger.fulcioKey = newInstance(t).fulcio, nil
	keyless(t, &stranger, b, "--identity", release).refused(t, "certificate")

	ended, fulcio := *s, *s.fulcio
	fulcio.ValidityPeriodEnd = time.Now().Add(-30 * time.Minute)
	ended.fulcio = &fulcio
	keyless(t, &ended, b, "--identity", release).refused(t, "certificate")
}

// keyless asks whether the bundle signs content, by the authorities of the instance.
func keyless(t *testing.T, s *instance, b *protobundle.Bundle, flags ...string) outcome {
	t.Helper()
	return ask(t, append([]string{
		"verify", "--bundle", save(t, b), "--sha256", sha256Of(content), "--trusted-root", s.trustedRoot(t),
	}, flags...)...)
}
