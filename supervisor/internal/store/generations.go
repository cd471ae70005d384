package store

import "slices"

// offered is what a verdict is about: the same body under another hash is another offer, and gets its own.
type offered struct{ offer, body string }

// last returns the last verdict on a body as it was offered.
func (l *ledger) last(offer, body string) (Verdict, bool) {
	for _, v := range slices.Backward(l.verdicts) {
		if v.Offer == offer && v.Body == body && v.Kind != KindSuperseded {
			return v, true
		}
	}
	return Verdict{}, false
}

// good returns up to n good verdicts that were not taken back, newest first, each body once.
func (l *ledger) good(n int) []Verdict {
	var out []Verdict
	bodies := map[string]bool{}
	for _, v := range latest(l.verdicts) {
		if len(out) >= n {
			break
		}
		if v.Good && !v.Package && !bodies[v.Body] {
			bodies[v.Body] = true
			out = append(out, v)
		}
	}
	return out
}

// compact returns what is worth keeping, in the old order: of each offered body the last verdict, and of these the most
// recent ones, the kept generations, and the verdicts on releases. An older verdict on the same offer cannot come back by it, since only last ones are kept.
func compact(verdicts []Verdict, keep int) []Verdict {
	var kept []Verdict
	bodies := map[string]bool{}
	releases := 0
	for i, v := range latest(verdicts) {
		generation := v.Good && !v.Package && !bodies[v.Body] && len(bodies) < keep
		if generation {
			bodies[v.Body] = true
		}
		if v.Package {
			releases++
		}
		if i < keepRecent || generation || v.Package && releases <= keepReleases {
			kept = append(kept, v)
		}
	}
	slices.Reverse(kept)
	return kept
}

// latest returns the last verdict on each offered body, newest first. Offers that were overtaken were not judged.
func latest(verdicts []Verdict) []Verdict {
	var out []Verdict
	seen := map[offered]bool{}
	for _, v := range slices.Backward(verdicts) {
		if key := (offered{v.Offer, v.Body}); !seen[key] && v.Kind != KindSuperseded {
			seen[key] = true
			out = append(out, v)
		}
	}
	return out
}
