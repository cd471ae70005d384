package store

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// put records a good or bad verdict on a body that is there.
func put(t *testing.T, s *Store, offer, body string, good bool, kind string) Verdict {
	t.Helper()
	sha, err := s.PutBlob([]byte(body))
	require.NoError(t, err)
	v := Verdict{Time: time.Unix(1, 0).UTC(), Offer: offer, Body: sha, Source: "remote", Good: good, Kind: kind, Binary: "bin", Policy: "pol", Local: "loc"}
	require.NoError(t, s.Record(v))
	return v
}

func TestAVerdictIsReadBackAsItWasRecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := Verdict{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Offer: "0a", Body: "0b", Source: "remote", Kind: KindContent,
		Reason: "line 1\nline 2", Evidence: "<\u2028>", Config: "0c", Binary: "0d", Policy: "0e", Local: "0f",
	}
	s := openStore(t, dir)
	require.NoError(t, s.Record(want))
	before, ok := s.Known("0a", "0b", "0d", "0e", "0f")
	require.True(t, ok)
	require.NoError(t, s.Close())
	after, ok := openStore(t, dir).Known("0a", "0b", "0d", "0e", "0f")
	require.True(t, ok)
	assert.Equal(t, want, before)
	assert.Equal(t, want, after)
}

func TestKnownIsOnlyWhatFailedForItsContentUnderTheSameConditions(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	v := put(t, s, "1", "body", false, KindContent)

	_, ok := s.Known("1", v.Body, "bin", "pol", "loc")
	assert.True(t, ok)
	for name, args := range map[string][5]string{
		"another offer":  {"2", v.Body, "bin", "pol", "loc"},
		"another body":   {"1", "x", "bin", "pol", "loc"},
		"another binary": {"1", v.Body, "x", "pol", "loc"},
		"another policy": {"1", v.Body, "bin", "x", "loc"},
		"a local change": {"1", v.Body, "bin", "pol", "x"},
	} {
		_, ok := s.Known(args[0], args[1], args[2], args[3], args[4])
		assert.False(t, ok, name)
	}
}

func TestKnownIsNotWhatFailedForTheWorldNorWhatWasGood(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	world := put(t, s, "1", "world", false, KindWorld)
	_, ok := s.Known("1", world.Body, "bin", "pol", "loc")
	assert.False(t, ok, "the operator may have mended the cause")
	put(t, s, "2", "body", false, KindContent)
	mended := put(t, s, "2", "body", true, "")
	_, ok = s.Known("2", mended.Body, "bin", "pol", "loc")
	assert.False(t, ok, "only the last verdict counts")
}

func TestGoodIsWhatWasNotTakenBack(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.Empty(t, s.Good(1))
	a := put(t, s, "a", "A", true, "")
	b := put(t, s, "b", "B", true, "")
	put(t, s, "c", "C", false, KindContent)
	assert.Equal(t, []Verdict{b}, s.Good(1))
	put(t, s, "b", "B", false, KindWorld) // crashed in probation
	assert.Equal(t, []Verdict{a}, s.Good(1))
}

func TestABadOfferRepeatedNeverBecomesGood(t *testing.T) {
	t.Parallel() // W2: the reference supervisor saves it as the last working one
	s := openStore(t, t.TempDir())
	a := put(t, s, "a", "A", true, "")
	for range 3 {
		put(t, s, "b", "B", false, KindContent)
	}
	assert.Equal(t, []Verdict{a}, s.Good(5))
}

func TestGenerationsAreNewestFirstAndDistinct(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	put(t, s, "1", "A", true, "")
	b := put(t, s, "2", "B", true, "")
	a := put(t, s, "3", "A", true, "")
	put(t, s, "4", "C", true, "")
	put(t, s, "4", "C", false, KindWorld)
	assert.Equal(t, []Verdict{a, b}, s.Good(5))
	assert.Equal(t, []Verdict{a}, s.Good(1))
	assert.Empty(t, s.Good(0))
}

func TestEvidenceIsBoundedAndKeepsItsEnd(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.NoError(t, s.Record(Verdict{
		Offer: "1", Kind: KindContent,
		Reason: "cause" + strings.Repeat("é", maxReason), Evidence: strings.Repeat("é", maxEvidence) + "panic",
	}))
	v, ok := s.Known("1", "", "", "", "")
	require.True(t, ok)
	assert.LessOrEqual(t, len(v.Reason), maxReason)
	assert.LessOrEqual(t, len(v.Evidence), maxEvidence)
	assert.True(t, strings.HasPrefix(v.Reason, "cause"))
	assert.True(t, strings.HasSuffix(v.Evidence, "panic"))
}

func TestAVerdictThatCannotBeEncodedIsRefused(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	require.Error(t, s.Record(Verdict{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), Offer: "1"}))
	require.NoError(t, s.Record(Verdict{Offer: "2"}))
	assert.Len(t, s.ledger.verdicts, 1)
}

func TestTwoLanesMayUseTheStoreAtOnce(t *testing.T) {
	t.Parallel() // what this shows, it shows under -race
	s := openStore(t, t.TempDir())
	var lanes sync.WaitGroup
	for _, lane := range []string{"a", "b"} {
		lanes.Go(func() {
			for range 5 {
				sha, err := s.PutBlob([]byte(lane))
				assert.NoError(t, err)
				assert.NoError(t, s.Record(Verdict{Offer: lane, Body: sha, Kind: KindContent}))
				_, ok := s.Known(lane, sha, "", "", "")
				assert.True(t, ok)
				assert.NoError(t, s.SweepBlobs(nil))
				s.Good(1)
			}
		})
	}
	lanes.Wait()
	assert.Len(t, s.ledger.verdicts, 10)
}

func TestEveryFieldOfAVerdictIsBounded(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	long := strings.Repeat("0a", maxHash)
	require.NoError(t, s.Record(Verdict{Offer: long, Body: long, Config: long, Good: true}))
	v := s.Good(1)[0]
	assert.Equal(t, []int{maxHash, maxHash, maxHash}, []int{len(v.Offer), len(v.Body), len(v.Config)})
}
