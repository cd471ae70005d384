package store

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

const (
	corruptMark = ".corrupt-"
	// corruptTime sorts as text the way it sorts in time.
	corruptTime = "20060102T150405.000000000Z"
	// keepCorrupt is how many damaged files stay in a directory: enough evidence, and a disk that damages a file
	// at every start does not fill up with it.
	keepCorrupt = 3
)

// moveAside renames a damaged file and notes the incident. When the renaming fails, on a read-only disk, the file stays
// where it is, and every reader takes it for absent all the same.
func (s *Store) moveAside(name, reason string) {
	incident := Incident{File: name, Reason: reason}
	aside := s.corruptName(name)
	if err := s.files.Rename(name, aside); err == nil {
		_ = s.files.SyncDir(path.Dir(name)) // should it come back after a crash, it will be moved aside again
		incident.MovedTo = s.Path(aside)
	}
	s.incidents = append(s.incidents, incident)
	s.pruneCorrupt(path.Dir(name))
}

// copyAside is moveAside for a file whose sound part goes on being used under its name.
func (s *Store) copyAside(name, reason string, body []byte) {
	incident := Incident{File: name, Reason: reason}
	aside := s.corruptName(name)
	if err := replaceFile(s.files, aside, body); err == nil {
		incident.MovedTo = s.Path(aside)
	}
	s.incidents = append(s.incidents, incident)
	s.pruneCorrupt(path.Dir(name))
}

func (s *Store) corruptName(name string) string {
	return name + corruptMark + s.now().UTC().Format(corruptTime)
}

// pruneCorrupt removes all but the newest keepCorrupt damaged files of a directory. What cannot be removed stays.
func (s *Store) pruneCorrupt(dir string) {
	names, _ := s.files.List(dir)
	corrupt := slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, corruptMark) })
	slices.SortFunc(corrupt, func(a, b string) int { return cmp.Compare(whenCorrupt(b), whenCorrupt(a)) })
	for i, name := range corrupt {
		if i >= keepCorrupt {
			_ = s.files.Remove(path.Join(dir, name))
		}
	}
}

func whenCorrupt(name string) string {
	_, when, _ := strings.Cut(name, corruptMark)
	return when
}
