package store

import (
	"io/fs"
	"maps"
	"path"
	"slices"
)

// memoryFiles is the file layer of last resort: a map of names to contents. It lasts as long as the process.
type memoryFiles map[string][]byte

// memoryFile is an open file of memoryFiles.
type memoryFile struct {
	files memoryFiles
	name  string
}

// Read implements files.
func (m memoryFiles) Read(name string) ([]byte, error) {
	body, ok := m[name]
	if !ok {
		return nil, missing("open", name)
	}
	return slices.Clone(body), nil
}

// List implements files.
func (m memoryFiles) List(dir string) ([]string, error) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if path.Dir(name) == path.Clean(dir) {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// Create implements files.
func (m memoryFiles) Create(name string) (file, error) {
	m[name] = nil
	return memoryFile{m, name}, nil
}

// Append implements files.
func (m memoryFiles) Append(name string) (file, error) {
	if _, ok := m[name]; !ok {
		return nil, missing("open", name)
	}
	return memoryFile{m, name}, nil
}

// Rename implements files.
func (m memoryFiles) Rename(oldName, newName string) error {
	body, ok := m[oldName]
	if !ok {
		return missing("rename", oldName)
	}
	delete(m, oldName)
	m[newName] = body
	return nil
}

// Remove implements files.
func (m memoryFiles) Remove(name string) error {
	if _, ok := m[name]; !ok {
		return missing("remove", name)
	}
	delete(m, name)
	return nil
}

// SyncDir implements files: there is nothing to make last.
func (memoryFiles) SyncDir(string) error { return nil }

// Write implements file.
func (f memoryFile) Write(p []byte) (int, error) {
	f.files[f.name] = append(f.files[f.name], p...)
	return len(p), nil
}

// Sync implements file.
func (memoryFile) Sync() error { return nil }

// Close implements file.
func (memoryFile) Close() error { return nil }

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}
