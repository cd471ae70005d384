package disk

import (
	"io/fs"
	"maps"
	"path"
	"slices"
)

// Memory is [Files] of last resort: a map of names to contents. It lasts as long as the process, and nobody else can read it.
type Memory map[string][]byte

// memoryFile is an open file of [Memory].
type memoryFile struct {
	files Memory
	name  string
}

// Read implements Files.
func (m Memory) Read(name string) ([]byte, error) {
	body, ok := m[name]
	if !ok {
		return nil, missing("open", name)
	}
	return slices.Clone(body), nil
}

// List implements Files.
func (m Memory) List(dir string) ([]string, error) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if path.Dir(name) == path.Clean(dir) {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// Create implements Files.
func (m Memory) Create(name string) (File, error) {
	m[name] = nil
	return memoryFile{m, name}, nil
}

// Append implements Files.
func (m Memory) Append(name string) (File, error) {
	if _, ok := m[name]; !ok {
		return nil, missing("open", name)
	}
	return memoryFile{m, name}, nil
}

// Rename implements Files.
func (m Memory) Rename(oldName, newName string) error {
	body, ok := m[oldName]
	if !ok {
		return missing("rename", oldName)
	}
	delete(m, oldName)
	m[newName] = body
	return nil
}

// Remove implements Files.
func (m Memory) Remove(name string) error {
	if _, ok := m[name]; !ok {
		return missing("remove", name)
	}
	delete(m, name)
	return nil
}

// SyncDir implements Files: there is nothing to make last.
func (Memory) SyncDir(string) error { return nil }

// Write implements File.
func (f memoryFile) Write(p []byte) (int, error) {
	f.files[f.name] = append(f.files[f.name], p...)
	return len(p), nil
}

// Sync implements File.
func (memoryFile) Sync() error { return nil }

// Close implements File.
func (memoryFile) Close() error { return nil }

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}
