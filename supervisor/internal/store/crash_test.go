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

func newCrashStore(d *crashDisk) *Store {
	s := newStore(d, "/store", Options{})
	s.now = func() time.Time { return time.Unix(1, 0) }
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
			name: "the effective configuration",
			arrange: func(t *testing.T, s *Store) {
				t.Helper()
				_, err := s.WriteEffective([]byte("old"))
				require.NoError(t, err)
			},
			act:  func(s *Store) error { _, err := s.WriteEffective([]byte("new")); return err },
			look: lookEffective,
		},
		{
			name: "promotion of the candidate",
			arrange: func(t *testing.T, s *Store) {
				t.Helper()
				_, err := s.WriteEffective([]byte("old"))
				require.NoError(t, err)
				_, err = s.WriteCandidate("c1", []byte("new"))
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
				disk := start.clone()
				s := newCrashStore(disk)
				disk.step, disk.stop, disk.crash = 0, stop, true
				done := sc.act(s) == nil
				for _, a := range aftermaths() {
					what := fmt.Sprintf("crash at %d of %q, %s", stop, operations, a.name)
					reopened := newCrashStore(disk.after(a))
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
				disk := start.clone()
				s := newCrashStore(disk)
				disk.step, disk.stop = 0, stop
				require.ErrorIs(t, sc.act(s), syscall.ENOSPC, what)
				reopened := newCrashStore(disk.clone())
				assert.Contains(t, []string{before, after}, sc.look(t, reopened), what)
				assert.Empty(t, reopened.Incidents(), what)
			}
		})
	}
}

// rehearse runs the act undisturbed: the disk before it, what is to be seen before and after, and what it does to the disk.
func rehearse(t *testing.T, sc scenario) (start *crashDisk, before, after string, operations []string) {
	t.Helper()
	start = newCrashDisk()
	sc.arrange(t, newCrashStore(start))
	disk := start.clone()
	s := newCrashStore(disk)
	before = sc.look(t, s)
	disk.log = nil
	require.NoError(t, sc.act(s))
	operations = disk.log
	after = sc.look(t, newCrashStore(disk))
	require.NotEqual(t, before, after)
	require.NotEmpty(t, operations)
	return start, before, after, operations
}

func TestAStateIsSavedAfterAFailure(t *testing.T) {
	t.Parallel()
	for stop := 1; stop <= 6; stop++ {
		disk := newCrashDisk()
		s := newCrashStore(disk)
		disk.step, disk.stop = 0, stop
		require.Error(t, s.SaveState("failed"))
		require.NoError(t, s.SaveState("saved"))
		for _, a := range aftermaths() {
			assert.Equal(t, "truesaved", lookState(t, newCrashStore(disk.after(a))), "failure at %d, %s", stop, a.name)
		}
	}
}

func TestAVerdictIsNotAppendedToHalfALine(t *testing.T) {
	t.Parallel()
	disk := newCrashDisk()
	s := newCrashStore(disk)
	require.NoError(t, s.Record(Verdict{Offer: "1"}))
	require.NoError(t, s.Record(Verdict{Offer: "2"}))
	disk.step, disk.stop = 0, 2 // the write of the append: half of the line gets to the disk
	require.Error(t, s.Record(Verdict{Offer: "3"}))
	require.NoError(t, s.Record(Verdict{Offer: "4"}))

	reopened := newCrashStore(disk.after(aftermaths()[0]))
	assert.Equal(t, "1 2 3 4", lookLedger(t, reopened))
	assert.Empty(t, reopened.Incidents())
}

func TestACrashWhileMendingATornLedgerLosesNothing(t *testing.T) {
	t.Parallel()
	start := newCrashDisk()
	s := newCrashStore(start)
	require.NoError(t, s.Record(Verdict{Offer: "1"}))
	require.NoError(t, s.Record(Verdict{Offer: "2"}))
	torn := &inode{data: append(start.live[ledgerName].data, `{"crc32c":"01`...)}
	torn.synced = torn.data
	start.live[ledgerName], start.durable[ledgerName] = torn, torn

	for stop := 1; stop < 20; stop++ {
		disk := start.clone()
		disk.stop, disk.crash = stop, true
		newCrashStore(disk)
		for _, a := range aftermaths() {
			assert.Equal(t, "1 2", lookLedger(t, newCrashStore(disk.after(a))), "crash at %d, %s", stop, a.name)
		}
	}
}

func TestACrashWhileMovingADamagedStateAsideIsSurvived(t *testing.T) {
	t.Parallel()
	start := newCrashDisk()
	damaged := &inode{data: []byte("{"), synced: []byte("{")}
	start.live[stateName], start.durable[stateName] = damaged, damaged
	for stop := 1; stop < 5; stop++ {
		disk := start.clone()
		disk.stop, disk.crash = stop, true
		newCrashStore(disk)
		for _, a := range aftermaths() {
			s := newCrashStore(disk.after(a))
			assert.Equal(t, "false", lookState(t, s))
			require.NoError(t, s.SaveState("new"))
			assert.Equal(t, "truenew", lookState(t, s))
		}
	}
}

func TestACrashWhileCompactingKeepsTheLastVerdicts(t *testing.T) {
	t.Parallel()
	start := newCrashDisk()
	s := newCrashStore(start)
	s.ledger.rewrite = false
	for i := range maxLedgerLines {
		s.ledger.verdicts = append(s.ledger.verdicts, Verdict{Offer: fmt.Sprint(i), Body: "b", Good: i == 7})
	}
	require.NoError(t, s.ledger.save(start))
	for stop := 1; stop < 7; stop++ {
		disk := start.clone()
		s := newCrashStore(disk)
		disk.step, disk.stop, disk.crash = 0, stop, true
		_ = s.Record(Verdict{Offer: "last", Body: "b"})
		for _, a := range aftermaths() {
			reopened := newCrashStore(disk.after(a))
			_, ok := reopened.ledger.last("4000", "b")
			assert.True(t, ok, "crash at %d, %s", stop, a.name)
			require.Len(t, reopened.Good(5), 1)
			assert.Equal(t, "7", reopened.Good(5)[0].Offer)
		}
	}
}
