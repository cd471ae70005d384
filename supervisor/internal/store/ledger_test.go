package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

// ledgerFile is the text of a ledger of verdicts on these offers.
func ledgerFile(t *testing.T, offers ...string) string {
	t.Helper()
	var out strings.Builder
	for _, offer := range offers {
		text, err := encodeLine(Verdict{Offer: offer})
		require.NoError(t, err)
		out.Write(text)
	}
	return out.String()
}

func openWithLedger(t *testing.T, body string) (*Store, []Incident) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ledgerName), []byte(body), 0o600))
	s, incidents, err := Open(dir, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, incidents
}

func TestHalfALineAtTheEndIsCutOffSilently(t *testing.T) {
	t.Parallel()
	sound := ledgerFile(t, "1", "2")
	for _, tail := range []string{`{`, `{"crc32c":"00000000","verdict":{}`, strings.Repeat("\x00", 100)} {
		s, incidents := openWithLedger(t, sound+tail)
		assert.Empty(t, incidents)
		assert.Equal(t, "1 2", lookLedger(t, s))
		body, err := os.ReadFile(s.Path(ledgerName))
		require.NoError(t, err)
		assert.Equal(t, sound, string(body))
	}
}

func TestALastLineThatOnlyLacksItsEndIsKept(t *testing.T) {
	t.Parallel()
	sound := ledgerFile(t, "1", "2")
	s, _ := openWithLedger(t, strings.TrimSuffix(sound, "\n"))
	require.NoError(t, s.Record(Verdict{Offer: "3"}))
	assert.Equal(t, "1 2 3", lookLedger(t, newStore(s.keeper.Files, s.keeper.Dir, Options{})))
}

func TestADamagedLineIsLeftOutAndTheRestSurvives(t *testing.T) {
	t.Parallel()
	for name, damaged := range map[string]string{
		"garbage":         "garbage\n",
		"a blank line":    "\n",
		"a flipped bit":   strings.Replace(ledgerFile(t, "x"), `"offer":"x"`, `"offer":"y"`, 1),
		"another type":    `{"crc32c":"` + checksum([]byte(`[]`)) + `","verdict":[]}` + "\n",
		"without verdict": "{}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := ledgerFile(t, "1") + damaged + ledgerFile(t, "2")
			s, incidents := openWithLedger(t, body)
			assert.Equal(t, "1 2", lookLedger(t, s))
			require.Len(t, incidents, 1)
			assert.Contains(t, incidents[0].String(), "1 damaged of 3 lines")
			kept, err := os.ReadFile(incidents[0].MovedTo)
			require.NoError(t, err)
			assert.Equal(t, body, string(kept))
			assert.Empty(t, newStore(s.keeper.Files, s.keeper.Dir, Options{}).Incidents(), "it is told once, not at every start")
		})
	}
}

func TestADirectoryInPlaceOfTheLedgerIsSurvived(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ledgerName, "x"), 0o700))
	s, incidents, err := Open(dir, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.Len(t, incidents, 1)
	assert.Contains(t, incidents[0].Reason, "not a file of ours")
	require.NoError(t, s.Record(Verdict{Offer: "1"}))
}

func TestALedgerThatGrowsIsCompacted(t *testing.T) {
	t.Parallel()
	s := newStore(disk.Memory{}, "", Options{KeepConfigs: 2})
	record := func(offer, body string, good bool) {
		require.NoError(t, s.Record(Verdict{Offer: offer, Body: body, Good: good, Kind: KindContent}))
	}
	record("good 1", "body 1", true)
	record("good 2", "body 2", true)
	record("good 3", "body 3", true)
	record("again", "body", false)
	for i := range maxLedgerLines - 2 {
		record(fmt.Sprint(i), "body", false)
	}
	record("again", "body", false)

	reopened := newStore(s.keeper.Files, "", Options{})
	assert.Less(t, len(reopened.ledger.verdicts), keepRecent+10)
	assert.Equal(t, s.ledger.verdicts, reopened.ledger.verdicts)
	var generations []string
	for _, v := range reopened.Good(9) {
		generations = append(generations, v.Offer)
	}
	assert.Equal(t, []string{"good 3", "good 2"}, generations)
	_, ok := reopened.Known("again", "body", "", "", "")
	assert.True(t, ok)
	_, ok = reopened.Known("0", "body", "", "", "")
	assert.False(t, ok, "old ones are forgotten")
}

func TestABigLedgerIsCompactedButNotAtEveryRecord(t *testing.T) {
	t.Parallel()
	files := disk.Memory{}
	s := newStore(files, "", Options{})
	evidence := strings.Repeat("x", maxEvidence)
	rewrites, before := 0, 0
	for i := range 600 {
		require.NoError(t, s.Record(Verdict{Offer: fmt.Sprint(i % 300), Evidence: evidence}))
		if len(files[ledgerName]) < before {
			rewrites++
		}
		before = len(files[ledgerName])
	}
	assert.Less(t, len(files[ledgerName]), 2*300*(maxEvidence+500)+maxLedgerSize)
	assert.LessOrEqual(t, rewrites, 3)
}

func TestCompactingNeverBringsBackWhatWasTakenBack(t *testing.T) {
	t.Parallel()
	verdicts := []Verdict{{Offer: "1", Body: "b", Good: true}, {Offer: "1", Body: "b"}}
	for i := range 2 * keepRecent {
		verdicts = append(verdicts, Verdict{Offer: fmt.Sprint("later ", i)})
	}
	l := ledger{verdicts: compact(verdicts, 5)}
	assert.Empty(t, l.good(5))
}

func FuzzDecodeLedger(f *testing.F) {
	text, err := encodeLine(Verdict{Offer: "1", Good: true})
	require.NoError(f, err)
	f.Add(append(text, text...))
	f.Add(append(text, `{"crc32c":`...))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		verdicts, damaged, _ := decodeLedger(body)
		assert.LessOrEqual(t, len(verdicts)+damaged, bytes.Count(body, []byte("\n"))+1)

		s := newStore(disk.Memory{ledgerName: body}, "", Options{})
		require.NoError(t, s.Record(Verdict{Offer: "added"}))
		reopened := newStore(s.keeper.Files, "", Options{})
		assert.Len(t, reopened.ledger.verdicts, len(verdicts)+1)
		assert.Empty(t, reopened.Incidents(), "mended once")
	})
}
