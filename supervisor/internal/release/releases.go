package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"opampd/supervisor/internal/disk"
)

// The names in the directory, see the package's documentation. Temporary ones begin with a dot, which no other does.
const (
	currentName  = "current"
	previousName = "previous"
	partialDir   = "partial"
	failedDir    = "failed"
	trustName    = "trust.json"
	recordName   = "release.json"
	buildDir     = ".new" // a slot that is being built
	linkTemp     = ".link"
	trashPrefix  = ".old-" // a slot that is being removed
)

// Releases is the directory of releases. One process owns it, by the lock of the storage directory it is in.
//
// All methods may be called from several goroutines, since two lanes share it: one downloads and installs while the other
// starts, switches and goes back. What only reads takes no lock: every change becomes visible by one rename.
type Releases struct {
	tree disk.Tree
	// mu is there because links, slots and documents are looked at and then changed: a slot must not be cleaned away
	// between the look and the link. It is held for some milliseconds, so that going back never waits for an installation.
	mu     sync.Mutex
	keeper disk.Keeper // but for Failed and Path, which only read
	// building is there because there is one directory to build a slot in. It is held for as long as an archive takes to
	// unpack. Who takes both takes this one first, or does not wait for it.
	building sync.Mutex
}

// Open looks through the directory of releases, which tree is and which is called dir in messages. It writes only to move
// aside what is damaged: slots, links and documents, which are returned as incidents. Hashing the programs is left to [Releases.Sound].
// The error says that the directory cannot be read; Releases is nil then.
func Open(tree disk.Tree, dir string) (*Releases, []disk.Incident, error) {
	r := &Releases{tree: tree, keeper: disk.Keeper{Files: tree, Dir: dir, Now: time.Now}}
	r.mu.Lock()
	defer r.mu.Unlock()
	entries, err := tree.Entries(".")
	if err != nil {
		return nil, nil, r.failed("look into", ".", err)
	}
	for _, entry := range entries {
		if err := r.inspect(entry); disk.Damaged(err) {
			_ = r.keeper.MoveAside(entry.Name(), err.Error())
		}
	}
	return r, r.keeper.Incidents(), nil
}

// Read is Open for those who do not own the directory: it moves nothing aside.
func Read(tree disk.Tree, dir string) *Releases {
	return &Releases{tree: tree, keeper: disk.Keeper{Files: tree, Dir: dir, Now: time.Now}}
}

// inspect says what is wrong with something in the directory.
func (r *Releases) inspect(entry fs.FileInfo) error {
	name := entry.Name()
	switch {
	case isSHA256(name):
		_, err := r.load(name)
		return err
	case (name == currentName || name == previousName) && entry.Mode().Type() != fs.ModeSymlink:
		return &disk.DamagedError{Reason: "not a link"} // no link could be renamed over a directory
	case name == trustName:
		var document json.RawMessage
		return disk.ReadDocument(r.tree, name, &document)
	}
	return nil
}

// Incidents returns what was found damaged since the last call, oldest first, and forgets it.
func (r *Releases) Incidents() []disk.Incident {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keeper.Incidents()
}

// SaveTrust makes v, encoded as by encoding/json, the content of trust.json: after a crash at any instant it is there whole,
// or the one before is.
func (r *Releases) SaveTrust(v any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keeper.Save(trustName, v)
}

// LoadTrust decodes trust.json into v, a pointer. It returns false, and leaves v alone, when there is none or none to be
// believed, which becomes an incident. An error means that the file is there and could not be read, or that v is no pointer.
func (r *Releases) LoadTrust(v any) (found bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keeper.Load(trustName, v)
}

// makeDir makes a directory below, durably, in place of anything else under its name. Who calls it holds mu.
func (r *Releases) makeDir(name string) error {
	err := r.tree.Mkdir(name)
	if errors.Is(err, fs.ErrExist) {
		info, statErr := r.tree.Lstat(name)
		if err = statErr; err == nil && !info.IsDir() {
			err = errors.Join(r.keeper.MoveAside(name, "not a directory"), r.tree.Mkdir(name))
		}
	}
	if err != nil {
		return r.failed("create", name, err)
	}
	return r.failed("create", name, r.tree.SyncDir("."))
}

func (r *Releases) failed(tried, name string, err error) error {
	return r.keeper.Failed(tried, name, err)
}

// guard keeps anything but a SHA-256, which may come from a file or from the network, from becoming a path.
func guard(sha string) error {
	if !isSHA256(sha) {
		return fmt.Errorf("cannot use a release: %.100q is not a SHA-256 in lower case hex", sha)
	}
	return nil
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
