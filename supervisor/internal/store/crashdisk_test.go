package store

import (
	"errors"
	"maps"
	"path"
	"slices"
	"syscall"
)

var errCrashed = errors.New("the machine has crashed")

// crashDisk is a file layer that knows what is durable: the data of a file up to its last Sync, the names of a directory up
// to its last SyncDir. At operation number stop it crashes (every operation from then on fails) or fails once.
type crashDisk struct {
	live, durable map[string]*inode
	step, stop    int  // stop 0: never
	crash         bool // else fail once with ENOSPC
	log           []string
}

type inode struct{ data, synced []byte }

type crashFile struct {
	disk *crashDisk
	*inode
}

// aftermath is what a crash leaves of the things that were not synced.
type aftermath struct {
	name  string
	names bool // renames, creations and removals that were not synced have happened all the same
	data  func(synced, data []byte) []byte
}

func aftermaths() []aftermath {
	lost := func(synced, _ []byte) []byte { return synced }
	all := func(_, data []byte) []byte { return data }
	torn := func(synced, data []byte) []byte {
		if len(data) <= len(synced) {
			return synced
		}
		return data[:len(synced)+(len(data)-len(synced))/2]
	}
	zero := func(synced, data []byte) []byte {
		out := make([]byte, len(data))
		copy(out, synced)
		return out
	}
	var out []aftermath
	for _, names := range []bool{false, true} {
		prefix := map[bool]string{false: "names lost", true: "names kept"}[names]
		out = append(out,
			aftermath{name: prefix + ", data lost", names: names, data: lost},
			aftermath{name: prefix + ", data kept", names: names, data: all},
			aftermath{name: prefix + ", data torn", names: names, data: torn},
			aftermath{name: prefix + ", data zeroed", names: names, data: zero},
		)
	}
	return out
}

func newCrashDisk() *crashDisk {
	return &crashDisk{live: map[string]*inode{}, durable: map[string]*inode{}}
}

// clone is the same disk, for another run from the same state.
func (d *crashDisk) clone() *crashDisk {
	inodes := map[*inode]*inode{}
	clone := func(names map[string]*inode) map[string]*inode {
		out := map[string]*inode{}
		for name, i := range names {
			if inodes[i] == nil {
				inodes[i] = &inode{slices.Clone(i.data), slices.Clone(i.synced)}
			}
			out[name] = inodes[i]
		}
		return out
	}
	return &crashDisk{live: clone(d.live), durable: clone(d.durable)}
}

// after is the disk as it is found at the next start.
func (d *crashDisk) after(a aftermath) *crashDisk {
	names := d.durable
	if a.names {
		names = d.live
	}
	out := newCrashDisk()
	for name, i := range names {
		data := a.data(i.synced, i.data)
		out.live[name] = &inode{slices.Clone(data), slices.Clone(data)}
	}
	out.durable = maps.Clone(out.live)
	return out
}

// operation counts, and says whether this one takes place.
func (d *crashDisk) operation(name string) error {
	d.step++
	d.log = append(d.log, name)
	switch {
	case d.stop == 0 || d.step < d.stop:
		return nil
	case d.crash:
		return errCrashed
	case d.step == d.stop:
		return syscall.ENOSPC
	}
	return nil
}

func (d *crashDisk) Read(name string) ([]byte, error) {
	if d.crash && d.stop > 0 && d.step >= d.stop {
		return nil, errCrashed
	}
	i, ok := d.live[name]
	if !ok {
		return nil, missing("open", name)
	}
	return slices.Clone(i.data), nil
}

func (d *crashDisk) List(dir string) ([]string, error) {
	var names []string
	for name := range d.live {
		if path.Dir(name) == path.Clean(dir) {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d *crashDisk) Create(name string) (file, error) {
	if err := d.operation("create " + name); err != nil {
		return nil, err
	}
	d.live[name] = &inode{}
	return crashFile{d, d.live[name]}, nil
}

func (d *crashDisk) Append(name string) (file, error) {
	if err := d.operation("append " + name); err != nil {
		return nil, err
	}
	i, ok := d.live[name]
	if !ok {
		return nil, missing("open", name)
	}
	return crashFile{d, i}, nil
}

func (d *crashDisk) Rename(oldName, newName string) error {
	if err := d.operation("rename " + oldName + " " + newName); err != nil {
		return err
	}
	i, ok := d.live[oldName]
	if !ok {
		return missing("rename", oldName)
	}
	delete(d.live, oldName)
	d.live[newName] = i
	return nil
}

func (d *crashDisk) Remove(name string) error {
	if err := d.operation("remove " + name); err != nil {
		return err
	}
	if _, ok := d.live[name]; !ok {
		return missing("remove", name)
	}
	delete(d.live, name)
	return nil
}

func (d *crashDisk) SyncDir(dir string) error {
	if err := d.operation("syncdir " + dir); err != nil {
		return err
	}
	inDir := func(name string, _ *inode) bool { return path.Dir(name) == path.Clean(dir) }
	maps.DeleteFunc(d.durable, inDir)
	for name, i := range d.live {
		if inDir(name, i) {
			d.durable[name] = i
		}
	}
	return nil
}

// Write writes half of it when it fails: that is what a full disk does.
func (f crashFile) Write(p []byte) (int, error) {
	if err := f.disk.operation("write"); err != nil {
		f.data = append(f.data, p[:len(p)/2]...)
		return len(p) / 2, err
	}
	f.data = append(f.data, p...)
	return len(p), nil
}

func (f crashFile) Sync() error {
	if err := f.disk.operation("sync"); err != nil {
		return err
	}
	f.synced = slices.Clone(f.data)
	return nil
}

func (f crashFile) Close() error { return f.disk.operation("close") }
