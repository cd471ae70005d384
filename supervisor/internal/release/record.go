package release

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"opampd/supervisor/internal/disk"
)

// Record says what is in a slot: release.json. What is not said otherwise is the caller's, and kept as it was given.
type Record struct {
	Archive     string    `json:"archive"` // SHA-256 of the archive in lower case hex, the name of the slot
	Binary      string    `json:"binary"`  // SHA-256 of the program in lower case hex
	Program     string    `json:"program"` // its file name
	Size        int64     `json:"size"`    // its size in bytes
	InstalledAt time.Time `json:"installed_at"`

	Name        string   `json:"name,omitempty"`         // of the package
	Version     string   `json:"version,omitempty"`      // for people
	PackageHash string   `json:"package_hash,omitempty"` // the server's hash of the package, in hex
	Index       int64    `json:"index,omitempty"`        // of the release, as it was signed
	Floor       int64    `json:"floor,omitempty"`        // the lowest index that may be installed after it
	Signers     []string `json:"signers,omitempty"`      // whose signatures were good
	BytesOnly   bool     `json:"bytes_only,omitempty"`   // they were over the bytes and said nothing of name, version and platform
}

// maxName is the longest file name, in bytes, of the usual file systems (NAME_MAX).
const maxName = 255

// guardProgram keeps the file name of a program, which may come out of an archive, within its slot.
func guardProgram(name string) error {
	bad := func(r rune) bool { return r == '/' || r == utf8.RuneError || unicode.IsControl(r) }
	switch {
	case name == "" || name == "." || name == ".." || len(name) > maxName || strings.ContainsFunc(name, bad):
		return fmt.Errorf("%.100q cannot be the file name of a program", name)
	case strings.EqualFold(name, recordName): // some file systems do not tell case
		return fmt.Errorf("%q cannot be the file name of a program: the record of the release has it", name)
	}
	return nil
}

// Load returns the record of a slot that has what belongs to it; what its program is made of is for [Releases.Sound] to say. The error is
// fs.ErrNotExist when there is no such slot, and [disk.Damaged] tells one that is not whole.
func (r *Releases) Load(sha string) (Record, error) {
	if err := guard(sha); err != nil {
		return Record{}, err
	}
	record, err := r.load(sha)
	return record, r.failed("use the release", sha, err)
}

// List returns the records of all slots that can be loaded, the last one installed first.
func (r *Releases) List() ([]Record, error) {
	entries, err := r.tree.Entries(".")
	if err != nil {
		return nil, r.failed("look into", ".", err)
	}
	var records []Record
	for _, entry := range entries {
		if !isSHA256(entry.Name()) {
			continue
		}
		if record, err := r.load(entry.Name()); err == nil {
			records = append(records, record)
		}
	}
	slices.SortStableFunc(records, newestFirst)
	return records, nil
}

func newestFirst(a, b Record) int {
	return cmp.Or(b.InstalledAt.Compare(a.InstalledAt), cmp.Compare(a.Archive, b.Archive))
}

// Path is the absolute path of the program of a release, for people and for comparison: to execute it, see [Releases.OpenBinary].
func (r *Releases) Path(record Record) string { return r.keeper.Path(record.Archive, record.Program) }

// load reads the record of the slot sha and looks for what it says, without reading the program.
func (r *Releases) load(sha string) (Record, error) {
	info, err := r.tree.Lstat(sha)
	if err != nil {
		return Record{}, err
	}
	if !info.IsDir() {
		return Record{}, &disk.DamagedError{Reason: "not a directory"}
	}
	var record Record
	err = disk.ReadDocument(r.tree, path.Join(sha, recordName), &record)
	if err != nil {
		return Record{}, incomplete(recordName, err)
	}
	if record.Archive != sha || !isSHA256(record.Binary) || guardProgram(record.Program) != nil {
		return Record{}, &disk.DamagedError{Reason: recordName + " is that of something else"}
	}
	info, err = r.tree.Lstat(path.Join(sha, record.Program))
	if err != nil {
		return Record{}, incomplete(record.Program, err)
	}
	return record, whole(info, record)
}

// incomplete is err about one of the files of a slot; that it is missing is damage.
func incomplete(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &disk.DamagedError{Reason: fmt.Sprintf("%q is missing", name)}
	}
	if disk.Damaged(err) {
		return &disk.DamagedError{Reason: fmt.Sprintf("%q: %v", name, err)}
	}
	return err
}

// whole says what is to be seen wrong with the program from outside.
func whole(info fs.FileInfo, record Record) error {
	switch {
	case !info.Mode().IsRegular():
		return &disk.DamagedError{Reason: fmt.Sprintf("%q is not a file", record.Program)}
	case info.Size() != record.Size:
		return &disk.DamagedError{Reason: fmt.Sprintf("%q has %d bytes, not %d", record.Program, info.Size(), record.Size)}
	case info.Mode().Perm()&0o100 == 0:
		return &disk.DamagedError{Reason: fmt.Sprintf("%q is not executable", record.Program)}
	}
	return nil
}
