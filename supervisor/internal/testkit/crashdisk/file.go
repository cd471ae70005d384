package crashdisk

import (
	"bytes"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"opampd/supervisor/internal/disk"
)

// file is a node that is open for writing.
type file struct {
	disk *Disk
	node *node
}

// Write writes half of it when it fails: that is what a full disk does.
func (f *file) Write(p []byte) (int, error) {
	if err := f.disk.operation("write"); err != nil {
		f.node.data = append(f.node.data, p[:len(p)/2]...)
		return len(p) / 2, err
	}
	f.node.data = append(f.node.data, p...)
	return len(p), nil
}

func (f *file) Sync() error {
	if err := f.disk.operation("sync"); err != nil {
		return err
	}
	f.node.sync()
	return nil
}

func (f *file) Close() error { return f.disk.operation("close") }

// source is a node that is open for reading.
type source struct {
	*bytes.Reader
	info info
}

func (s source) Stat() (fs.FileInfo, error) { return s.info, nil }
func (s source) Close() error               { return nil }

// info implements fs.FileInfo.
type info struct {
	name string
	node
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.data)) }
func (i info) Mode() fs.FileMode  { return i.kind | i.mode }
func (i info) ModTime() time.Time { return time.Unix(i.when, 0) }
func (i info) IsDir() bool        { return i.kind == fs.ModeDir }
func (i info) Sys() any           { return nil }

// Open implements disk.Tree.
func (d *Disk) Open(name string) (disk.Source, error) {
	n, err := d.regular(name)
	if err != nil {
		return nil, err
	}
	return source{bytes.NewReader(slices.Clone(n.data)), info{path.Base(name), *n}}, nil
}

// Lstat implements disk.Tree.
func (d *Disk) Lstat(name string) (fs.FileInfo, error) {
	if err := d.look(); err != nil {
		return nil, err
	}
	n, err := d.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return info{path.Base(name), *n}, nil
}

// Readlink implements disk.Tree.
func (d *Disk) Readlink(name string) (string, error) {
	if err := d.look(); err != nil {
		return "", err
	}
	n, err := d.find("readlink", name)
	if err == nil && n.kind != fs.ModeSymlink {
		err = failed("readlink", name, fs.ErrInvalid)
	}
	if err != nil {
		return "", err
	}
	return string(n.data), nil
}

// Entries implements disk.Tree.
func (d *Disk) Entries(dir string) ([]fs.FileInfo, error) {
	if err := d.look(); err != nil {
		return nil, err
	}
	n, _, err := d.parent("open", path.Join(dir, "any"))
	if err != nil {
		return nil, err
	}
	var out []fs.FileInfo
	for _, name := range slices.Sorted(maps.Keys(n.live)) {
		out = append(out, info{name, *n.live[name]})
	}
	return out, nil
}

// List implements disk.Files.
func (d *Disk) List(dir string) ([]string, error) {
	entries, err := d.Entries(dir)
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, err
}
