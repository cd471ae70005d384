package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"opampd/supervisor/internal/disk"
)

const (
	// maxLedgerLines and maxLedgerSize (bytes) are where the ledger is compacted. It is read whole at start and kept in memory.
	maxLedgerLines = 4096
	maxLedgerSize  = 1 << 20
	// keepRecent is how many of the latest verdicts compaction keeps.
	keepRecent = 1000
	// keepReleases is how many verdicts on releases it keeps besides: a bad one must not come back because a server offered
	// many configurations.
	keepReleases = 256
)

// ledger is the verdicts in the order in which they were given. The order is that of the file and not of the times in it:
// clocks jump.
type ledger struct {
	verdicts []Verdict
	size     int  // bytes of the file
	limit    int  // size at which to compact; grows when compaction leaves much, so that it does not happen at every record
	rewrite  bool // the file is absent or may end in half a line, so that nothing must be appended to it
}

// line is one line of the ledger. CRC32C finds what disks and crashes do; nobody who could forge one needs to.
type line struct {
	CRC32C  string          `json:"crc32c"` // of Verdict, as it stands
	Verdict json.RawMessage `json:"verdict"`
}

// openLedger reads the ledger. Half a line at the end is what a crash while appending leaves, and was promised to nobody: it
// is dropped. Any other line that is damaged is left out and becomes an incident, with the file as it was kept aside.
func (s *Store) openLedger() {
	s.ledger = ledger{limit: maxLedgerSize}
	body, err := s.keeper.Files.Read(ledgerName)
	if err != nil {
		s.ledger.rewrite = true
		if !errors.Is(err, fs.ErrNotExist) {
			_ = s.keeper.MoveAside(ledgerName, err.Error())
		}
		return
	}
	verdicts, damaged, torn := decodeLedger(body)
	s.ledger.verdicts, s.ledger.size = verdicts, len(body)
	if damaged > 0 {
		s.keeper.CopyAside(ledgerName, fmt.Sprintf("%d damaged of %d lines, left out", damaged, damaged+len(verdicts)), body)
	}
	if damaged > 0 || torn {
		s.ledger.rewrite = true
		_ = s.ledger.save(s.keeper.Files) // if it fails it is tried again before the next verdict is appended
	}
}

// record adds v. It is in memory whatever happens to the file.
func (l *ledger) record(f disk.Files, v Verdict, keep int) error {
	added, err := encodeLine(v)
	if err != nil {
		return err
	}
	l.verdicts = append(l.verdicts, v)
	if len(l.verdicts) > maxLedgerLines || l.size+len(added) > l.limit {
		l.verdicts = compact(l.verdicts, keep)
		l.rewrite = true
	}
	if l.rewrite {
		return l.save(f)
	}
	l.rewrite = true // until it is known that the line is there whole
	if err := disk.Append(f, ledgerName, added); err != nil {
		return err
	}
	l.rewrite, l.size = false, l.size+len(added)
	return nil
}

// save writes the whole ledger in place of the old one.
func (l *ledger) save(f disk.Files) error {
	var body []byte
	for _, v := range l.verdicts {
		added, err := encodeLine(v)
		if err != nil {
			return err
		}
		body = append(body, added...)
	}
	if err := disk.Replace(f, ledgerName, body); err != nil {
		return err
	}
	l.rewrite, l.size, l.limit = false, len(body), max(maxLedgerSize, 2*len(body))
	return nil
}

func encodeLine(v Verdict) ([]byte, error) {
	verdict, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a verdict: %w", err)
	}
	out, err := json.Marshal(line{checksum(verdict), verdict})
	if err != nil {
		return nil, fmt.Errorf("encode a line: %w", err)
	}
	return append(out, '\n'), nil
}

// decodeLedger returns the sound verdicts, the number of damaged lines, and whether the last line has no end.
func decodeLedger(body []byte) (verdicts []Verdict, damaged int, torn bool) {
	for len(body) > 0 {
		text, rest, whole := bytes.Cut(body, []byte("\n"))
		v, err := decodeLine(text)
		switch {
		case err == nil:
			verdicts = append(verdicts, v)
		case whole:
			damaged++
		}
		body, torn = rest, !whole
	}
	return verdicts, damaged, torn
}

func decodeLine(text []byte) (Verdict, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return Verdict{}, fmt.Errorf("torn or foreign: %w", err)
	}
	if l.CRC32C != checksum(l.Verdict) {
		return Verdict{}, errors.New("checksum does not match")
	}
	var v Verdict
	if err := json.Unmarshal(l.Verdict, &v); err != nil {
		return Verdict{}, fmt.Errorf("foreign: %w", err)
	}
	return v, nil
}

func checksum(body []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}
