// Package crashdisk is a disk for tests that knows what is durable, and that crashes or fails at an operation of choice: run
// an act once to count its operations, then once for each with a crash there, and look at what may be found after it.
package crashdisk

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"opampd/supervisor/internal/disk"
)

// ErrCrashed is what every operation says after the crash.
var ErrCrashed = errors.New("the machine has crashed")

// Disk is a [disk.Tree] in memory. Durable are the data and the mode of a file up to its last Sync, the names of a directory and its mode
// up to its last SyncDir, and nothing else. It is for one goroutine at a time.
type Disk struct {
	root  *node
	log   []string
	stop  int  // the operation, counted by log, that goes wrong; 0: none
	crash bool // it and all that follow fail with ErrCrashed; else it alone, with ENOSPC
	clock int64
}

var _ disk.Tree = (*Disk)(nil)

// New is a disk with these directories on it.
func New(dirs ...string) *Disk {
	d := &Disk{root: newDir()}
	for _, dir := range dirs {
		d.root.put(change{dir: newDir()})
	}
	d.root.sync()
	return d
}

// Put places a durable file there, as a damage or another program would. Its directory exists; if there is a file, it keeps its mode.
func (d *Disk) Put(name string, body []byte) {
	parent, base, err := d.parent("put", name)
	if err != nil {
		panic(err)
	}
	file := &node{data: slices.Clone(body), synced: slices.Clone(body), mode: 0o600, syncedMode: 0o600}
	if old := parent.live[base]; old != nil && old.kind == 0 {
		file.mode, file.syncedMode = old.mode, old.mode
	}
	parent.live[base], parent.durable[base] = file, file
}

// CrashAt makes the n-th operation from now, 1 being the next, the one at which the machine crashes. It does not take place,
// but half of a write does.
func (d *Disk) CrashAt(n int) { d.log, d.stop, d.crash = nil, n, true }

// FailAt makes the n-th operation from now fail with ENOSPC, and only that.
func (d *Disk) FailAt(n int) { d.log, d.stop, d.crash = nil, n, false }

// Count begins to count the operations anew; none will go wrong.
func (d *Disk) Count() { d.log, d.stop, d.crash = nil, 0, false }

// Operations are those since the last Count, CrashAt or FailAt, in words.
func (d *Disk) Operations() []string { return d.log }

// operation counts, and says whether this one takes place.
func (d *Disk) operation(words ...string) error {
	d.log = append(d.log, strings.Join(words, " "))
	d.clock++
	switch {
	case d.stop == 0 || len(d.log) < d.stop:
		return nil
	case d.crash:
		return ErrCrashed
	case len(d.log) == d.stop:
		return syscall.ENOSPC
	}
	return nil
}

// look says whether there still is a machine to look at the disk.
func (d *Disk) look() error {
	if d.crash && d.stop > 0 && len(d.log) >= d.stop {
		return ErrCrashed
	}
	return nil
}

// find walks to name; links on the way are not followed.
func (d *Disk) find(op, name string) (*node, error) {
	at := d.root
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if part == "." {
			continue
		}
		if at.kind != fs.ModeDir {
			return nil, failed(op, name, syscall.ENOTDIR)
		}
		next, ok := at.live[part]
		if !ok {
			return nil, failed(op, name, fs.ErrNotExist)
		}
		at = next
	}
	return at, nil
}

// parent walks to the directory that name is in.
func (d *Disk) parent(op, name string) (*node, string, error) {
	dir, err := d.find(op, path.Dir(name))
	if err == nil && dir.kind != fs.ModeDir {
		err = failed(op, name, syscall.ENOTDIR)
	}
	return dir, path.Base(name), err
}

func failed(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// Clone is the same disk without a crash ahead, for another run from the same state.
func (d *Disk) Clone() *Disk {
	return &Disk{root: d.root.clone(map[*node]*node{}), clock: d.clock}
}

func mapNodes(names map[string]*node, f func(name string, n *node) *node) map[string]*node {
	out := maps.Clone(names)
	for name, n := range names {
		if n != nil {
			out[name] = f(name, n)
		}
	}
	return out
}
