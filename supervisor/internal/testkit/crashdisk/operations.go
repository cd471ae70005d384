package crashdisk

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"syscall"

	"opampd/supervisor/internal/disk"
)

// Read implements disk.Files.
func (d *Disk) Read(name string) ([]byte, error) {
	n, err := d.regular(name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.data), nil
}

func (d *Disk) regular(name string) (*node, error) {
	if err := d.look(); err != nil {
		return nil, err
	}
	n, err := d.find("open", name)
	if err == nil && n.kind != 0 {
		return nil, failed("open", name, disk.ErrForeign)
	}
	return n, err
}

// Create implements disk.Files.
func (d *Disk) Create(name string) (disk.File, error) {
	if err := d.operation("create", name); err != nil {
		return nil, err
	}
	n := &node{mode: 0o600, syncedMode: 0o600, when: d.clock}
	if err := d.add("open", name, n, true); err != nil {
		return nil, err
	}
	return &file{disk: d, node: n}, nil
}

// Mkdir implements disk.Tree.
func (d *Disk) Mkdir(name string) error {
	if err := d.operation("mkdir", name); err != nil {
		return err
	}
	return d.add("mkdir", name, newDir(), false)
}

// Symlink implements disk.Tree.
func (d *Disk) Symlink(target, name string) error {
	if err := d.operation("symlink", target, name); err != nil {
		return err
	}
	return d.add("symlink", name, &node{kind: fs.ModeSymlink, mode: 0o777, syncedMode: 0o777, data: []byte(target)}, false)
}

func (d *Disk) add(op, name string, n *node, replace bool) error {
	parent, base, err := d.parent(op, name)
	if err != nil {
		return err
	}
	if parent.live[base] != nil && !replace {
		return failed(op, name, fs.ErrExist)
	}
	parent.put(change{base: n})
	return nil
}

// Append implements disk.Files.
func (d *Disk) Append(name string) (disk.File, error) {
	if err := d.operation("append", name); err != nil {
		return nil, err
	}
	n, err := d.regular(name)
	if err != nil {
		return nil, err
	}
	return &file{disk: d, node: n}, nil
}

// Resume implements disk.Tree.
func (d *Disk) Resume(name string, size int64) (disk.File, error) {
	if err := d.operation("resume", name, fmt.Sprint(size)); err != nil {
		return nil, err
	}
	n, err := d.regular(name)
	if err != nil {
		return nil, err
	}
	n.data = append(bytes.Clone(n.data), make([]byte, max(0, int(size)-len(n.data)))...)[:size]
	return &file{disk: d, node: n}, nil
}

// Chmod implements disk.Tree.
func (d *Disk) Chmod(name string, mode fs.FileMode) error {
	if err := d.operation("chmod", name, mode.String()); err != nil {
		return err
	}
	n, err := d.find("chmod", name)
	if err == nil {
		n.mode = mode.Perm()
	}
	return err
}

// Rename implements disk.Files. Within a directory it is one step; between two of them a crash may lose either half of it.
func (d *Disk) Rename(oldName, newName string) error {
	if err := d.operation("rename", oldName, newName); err != nil {
		return err
	}
	n, err := d.find("rename", oldName)
	if err != nil {
		return err
	}
	from, oldBase, _ := d.parent("rename", oldName)
	to, newBase, err := d.parent("rename", newName)
	if err != nil {
		return err
	}
	if err := replaceable(n, to.live[newBase]); err != nil {
		return failed("rename", newName, err)
	}
	if from == to {
		from.put(change{oldBase: nil, newBase: n})
		return nil
	}
	from.put(change{oldBase: nil})
	to.put(change{newBase: n})
	return nil
}

// replaceable says what os.Root.Rename does of one thing on top of another.
func replaceable(n, old *node) error {
	switch {
	case old == nil:
		return nil
	case old.kind == fs.ModeDir:
		return syscall.EEXIST
	case n.kind == fs.ModeDir:
		return syscall.ENOTDIR
	}
	return nil
}

// Remove implements disk.Files.
func (d *Disk) Remove(name string) error {
	if err := d.operation("remove", name); err != nil {
		return err
	}
	n, err := d.find("remove", name)
	if err != nil {
		return err
	}
	if len(n.live) > 0 {
		return failed("remove", name, syscall.ENOTEMPTY)
	}
	parent, base, err := d.parent("remove", name)
	if err == nil {
		parent.put(change{base: nil})
	}
	return err
}

// SyncDir implements disk.Files.
func (d *Disk) SyncDir(dir string) error {
	if err := d.operation("syncdir", dir); err != nil {
		return err
	}
	_, _, err := d.parent("fsync", path.Join(dir, "any"))
	if err == nil {
		n, _ := d.find("fsync", dir)
		n.sync()
	}
	return err
}
