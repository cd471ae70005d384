package store

import (
	"slices"
	"strings"
	"time"
)

// The kinds of a bad verdict.
const (
	// KindContent is a configuration that fails for what is in it: not YAML, against the policy, refused by validate. The
	// same one will fail again until the binary, the policy or a local file changes.
	KindContent = "content"
	// KindWorld is one that failed for the world around it: a port taken, a crash, never healthy. It may be tried again.
	KindWorld = "world"
	// KindSuperseded is one that a newer offer overtook before it could be judged. It takes no good verdict back.
	KindSuperseded = "superseded"
)

const (
	maxReason   = 2 << 10 // bytes; what fits a status message
	maxHash     = 1 << 10 // bytes; of each other field, since the server chooses the length of its hash
	maxEvidence = 8 << 10 // bytes; the last lines of a Collector's output
)

// Verdict says how an offered configuration, or a release of the Collector, ended. All hashes are lower case hex.
type Verdict struct {
	// Package says that it is about a release: Offer is the server's hash of the package, Body the SHA-256 of its file.
	Package  bool      `json:"package,omitempty"`
	Time     time.Time `json:"time"`
	Offer    string    `json:"offer"`              // the server's config hash
	Body     string    `json:"body"`               // SHA-256 of the body, the name of its blob
	Source   string    `json:"source,omitempty"`   // who offered it: "remote"
	Good     bool      `json:"good"`               // the Collector was healthy on it
	Kind     string    `json:"kind,omitempty"`     // KindContent or KindWorld when bad
	Reason   string    `json:"reason,omitempty"`   // for people; cut to 2 KiB when recorded
	Evidence string    `json:"evidence,omitempty"` // the Collector's own words; its last 8 KiB are recorded
	Config   string    `json:"config,omitempty"`   // hash of the rendered configuration
	Binary   string    `json:"binary,omitempty"`   // SHA-256 of the Collector
	Policy   string    `json:"policy,omitempty"`   // hash of the policy in force
	Local    string    `json:"local,omitempty"`    // hash of the local inputs
}

// normal is v as it will be read back: in UTC, without what JSON cannot carry, and of bounded size, since the evidence is
// the output of a Collector that may have much to say.
func (v Verdict) normal() Verdict {
	v.Time = v.Time.UTC().Round(0)
	v.Reason = strings.ToValidUTF8(v.Reason[:min(len(v.Reason), maxReason)], "")
	v.Evidence = strings.ToValidUTF8(v.Evidence[max(0, len(v.Evidence)-maxEvidence):], "")
	for _, field := range []*string{&v.Offer, &v.Body, &v.Source, &v.Kind, &v.Config, &v.Binary, &v.Policy, &v.Local} {
		*field = strings.ToValidUTF8((*field)[:min(len(*field), maxHash)], "\uFFFD")
	}
	return v
}

// Record adds a verdict to the ledger, durably. After an error it is known to this process, but may be forgotten by the next.
func (s *Store) Record(v Verdict) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.fresh, v.Body)
	return s.keeper.Failed("record a verdict in", ledgerName, s.ledger.record(s.keeper.Files, v.normal(), s.keep))
}

// Known returns the last verdict on body as it was offered under the hash offer, if it is bad by content and was given by
// the very same Collector binary, policy and local inputs: the same offer would end the same way, so that it can be answered at once.
func (s *Store) Known(offer, body, binary, policy, local string) (Verdict, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.ledger.last(offer, body)
	if !ok || v.Good || v.Kind != KindContent || v.Binary != binary || v.Policy != policy || v.Local != local {
		return Verdict{}, false
	}
	return v, true
}

// Good returns up to n generations of configurations that were good and not taken back by a later verdict on the same offer and body,
// newest first, each body once. It is computed, never stored, so that nothing can overwrite it with a bad one (W2), and
// does not look whether the blobs are there.
func (s *Store) Good(n int) []Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.good(n)
}

// BadRelease returns the last verdict on the release that came in the file with this SHA-256, if it is bad by its content.
func (s *Store) BadRelease(content string) (Verdict, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range slices.Backward(s.ledger.verdicts) {
		if v.Package && v.Body == content {
			return v, !v.Good && v.Kind == KindContent
		}
	}
	return Verdict{}, false
}
