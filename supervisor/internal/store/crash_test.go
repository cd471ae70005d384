package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit/crashdisk"
)

// world is a value of something stored: what it looks like from outside, as text.
type world func(t *testing.T, s *Store) string

// scenario is one act that a crash can interrupt.
type scenario struct {
	name    string
	arrange func(t *testing.T, s *Store)
	act     func(s *Store) error
	look    world
}

// newDisk has the directories that the storage directory is opened with.
func newDisk() *crashdisk.Disk { return crashdisk.New(blobDir, remoteDir, candidateDir) }

func newCrashStore(d *crashdisk.Disk) *Store {
	s := newStore(d, "/store", Options{})
	s.keeper.Now = func() time.Time { return time.Unix(1, 0) }
	return s
}

func scenarios() []scenario {
	return []scenario{
		{
			name:    "the first state",
			arrange: func(*testing.T, *Store) {},
			act:     func(s *Store) error { return s.SaveState("new") },
			look:    lookState,
		},
		{
			name:    "another state",
			arrange: func(t *testing.T, s *Store) { t.Helper(); require.NoError(t, s.SaveState("old")) },
			act:     func(s *Store) error { return s.SaveState("new") },
			look:    lookState,
		},
		{
			name:    "removal of the run record",
			arrange: func(t *testing.T, s *Store) { t.Helper(); require.NoError(t, s.SaveRun("old")) },
			act:     func(s *Store) error { return s.RemoveRun() },
			look: func(t *testing.T, s *Store) string {
				t.Helper()
				var v string
				found, err := s.LoadRun(&v)
				require.NoError(t, err)
				return fmt.Sprint(found, v)
			},
		},
		{
			name:    "the first verdict",
			arrange: func(*testing.T, *Store) {},
			act:     func(s *Store) error { return s.Record(Verdict{Offer: "1", Body: "b"}) },
			look:    lookLedger,
		},
		{
			name: "another verdict",
			arrange: func(t *testing.T, s *Store) {
				t.Helper()
				require.NoError(t, s.Record(Verdict{Offer: "1", Body: "b"}))
				require.NoError(t, s.Record(Verdict{Offer: "2", Body: "b"}))
			},
			act:  func(s *Store) error { return s.Record(Verdict{Offer: "3", Body: "b"}) },
			look: lookLedger,
		},
		{
			name:    "the first blob",
			arrange: func(*testing.T, *Store) {},
			act:     func(s *Store) error { _, err := s.PutBlob([]byte("new")); return err },
			look:    lookBlobs,
		},
		{
			name:    "another blob",
			arrange: func(t *testing.T, s *Store) { t.Helper(); _, err := s.PutBlob([]byte("old")); require.NoError(t, err) },
			act:     func(s *Store) error { _, err := s.PutBlob([]byte("new")); return err },
			look:    lookBlobs,
		},
		{
			name: "promotion of the candidate",
			arrange: func(t *testing.T, s *Store) {
				t.Helper()
				run(t, s, "c0", "old")
				_, err := s.WriteCandidate("c1", []byte("new"))
				require.NoError(t, err)
			},
			act:  func(s *Store) error { _, err := s.Promote("c1"); return err },
			look: lookEffective,
		},
	}
}

func lookState(t *testing.T, s *Store) string {
	t.Helper()
	var v string
	found, err := s.LoadState(&v)
	require.NoError(t, err)
	return fmt.Sprint(found, v)
}

func lookLedger(t *testing.T, s *Store) string {
	t.Helper()
	var offers []string
	for _, v := range s.ledger.verdicts {
		offers = append(offers, v.Offer)
	}
	return strings.Join(offers, " ")
}

func lookEffective(t *testing.T, s *Store) string {
	t.Helper()
	body, err := s.Effective()
	require.NoError(t, err)
	return string(body)
}

func lookBlobs(t *testing.T, s *Store) string {
	t.Helper()
	var out []string
	for _, body := range []string{"old", "new"} {
		got, err := s.Blob(hexSHA256([]byte(body)))
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
			out = append(out, string(got))
		}
	}
	return strings.Join(out, " ")
}

func TestACrashAtAnyOperationLeavesTheOldOrTheNew(t *testing.T) {
	t.Parallel()
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			start, before, after, operations := rehearse(t, sc)
			for stop := 1; stop <= len(operations)+1; stop++ {
				disk := start.Clone()
				s := newCrashStore(disk)
				disk.CrashAt(stop)
				done := sc.act(s) == nil
				for how, found := range disk.AfterCrash() {
					what := fmt.Sprintf("crash at %d of %q, %s", stop, operations, how)
					reopened := newCrashStore(found)
					got := sc.look(t, reopened)
					assert.Contains(t, []string{before, after}, got, what)
					if done {
						assert.Equal(t, after, got, "nil was returned: "+what)
					}
					assert.Empty(t, reopened.Incidents(), "a crash is no damage: "+what)
				}
			}
		})
	}
}

func TestAFailureOfAnyOperationIsReportedAndLeavesTheOldOrTheNew(t *testing.T) {
	t.Parallel()
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			start, before, after, operations := rehearse(t, sc)
			for stop := 1; stop <= len(operations); stop++ {
				what := fmt.Sprintf("failure at %d of %q", stop, operations)
				disk := start.Clone()
				s := newCrashStore(disk)
				disk.FailAt(stop)
				require.ErrorIs(t, sc.act(s), syscall.ENOSPC, what)
				reopened := newCrashStore(disk.Clone())
				assert.Contains(t, []string{before, after}, sc.look(t, reopened), what)
				assert.Empty(t, reopened.Incidents(), what)
			}
		})
	}
}

// rehearse runs the act undisturbed: the disk before it, what is to be seen before and after, and what it does to the disk.
func rehearse(t *testing.T, sc scenario) (start *crashdisk.Disk, before, after string, operations []string) {
	t.Helper()
	start = newDisk()
	sc.arrange(t, newCrashStore(start))
	disk := start.Clone()
	s := newCrashStore(disk)
	before = sc.look(t, s)
	disk.Count()
	require.NoError(t, sc.act(s))
	operations = disk.Operations()
	after = sc.look(t, newCrashStore(disk))
	require.NotEqual(t, before, after)
	require.NotEmpty(t, operations)
	return start, before, after, operations
}

func TestAStateIsSavedAfterAFailure(t *testing.T) {
	t.Parallel()
	for stop := 1; stop <= 6; stop++ {
		disk := newDisk()
		s := newCrashStore(disk)
		disk.FailAt(stop)
		require.Error(t, s.SaveState("failed"))
		require.NoError(t, s.SaveState("saved"))
		for how, found := range disk.AfterCrash() {
			assert.Equal(t, "truesaved", lookState(t, newCrashStore(found)), "failure at %d, %s", stop, how)
		}
	}
}

func TestAVerdictIsNotAppendedToHalfALine(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	s := newCrashStore(disk)
	require.NoError(t, s.Record(Verdict{Offer: "1"}))
	require.NoError(t, s.Record(Verdict{Offer: "2"}))
	disk.FailAt(2) // the write of the append: half of the line gets to the disk
	require.Error(t, s.Record(Verdict{Offer: "3"}))
	require.NoError(t, s.Record(Verdict{Offer: "4"}))

	reopened := newCrashStore(disk.Durable())
	assert.Equal(t, "1 2 3 4", lookLedger(t, reopened))
	assert.Empty(t, reopened.Incidents())
}

func TestACrashWhileMendingATornLedgerLosesNothing(t *testing.T) {
	t.Parallel()
	start := newDisk()
	s := newCrashStore(start)
	require.NoError(t, s.Record(Verdict{Offer: "1"}))
	require.NoError(t, s.Record(Verdict{Offer: "2"}))
	whole, err := start.Read(ledgerName)
	require.NoError(t, err)
	start.Put(ledgerName, append(whole, `{"crc32c":"01`...))

	for stop := 1; stop < 20; stop++ {
		disk := start.Clone()
		disk.CrashAt(stop)
		newCrashStore(disk)
		for how, found := range disk.AfterCrash() {
			assert.Equal(t, "1 2", lookLedger(t, newCrashStore(found)), "crash at %d, %s", stop, how)
		}
	}
}

func TestACrashWhileMovingADamagedStateAsideIsSurvived(t *testing.T) {
	t.Parallel()
	start := newDisk()
	start.Put(stateName, []byte("{"))
	for stop := 1; stop < 5; stop++ {
		disk := start.Clone()
		disk.CrashAt(stop)
		newCrashStore(disk)
		for _, found := range disk.AfterCrash() {
			s := newCrashStore(found)
			assert.Equal(t, "false", lookState(t, s))
			require.NoError(t, s.SaveState("new"))
			assert.Equal(t, "truenew", lookState(t, s))
		}
	}
}

func TestACrashWhileCompactingKeepsTheLastVerdicts(t *testing.T) {
	t.Parallel()
	start := newDisk()
	s := newCrashStore(start)
	s.ledger.rewrite = false
	for i := range keepRecent + 50 {
		s.ledger.verdicts = append(s.ledger.verdicts, Verdict{Offer: fmt.Sprint(i), Body: "b", Good: i == 7})
	}
	require.NoError(t, s.ledger.save(start))
	for stop := 1; stop < 7; stop++ {
		disk := start.Clone()
		s := newCrashStore(disk)
		disk.CrashAt(stop)
		s.ledger.limit = 0
		_ = s.Record(Verdict{Offer: "last", Body: "b"})
		for how, found := range disk.AfterCrash() {
			reopened := newCrashStore(found)
			_, ok := reopened.ledger.last("1000", "b")
			assert.True(t, ok, "crash at %d, %s", stop, how)
			require.Len(t, reopened.Good(5), 1)
			assert.Equal(t, "7", reopened.Good(5)[0].Offer)
		}
	}
}
