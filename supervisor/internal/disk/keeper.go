package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// CorruptMark is in the name of what was moved aside, before the time.
	CorruptMark = ".corrupt-"
	// corruptTime sorts as text the way it sorts in time.
	corruptTime = "20060102T150405.000000000Z"
	// keepCorrupt is how many damaged files stay in a directory: enough evidence, and a disk that damages a file
	// at every start does not fill up with it.
	keepCorrupt = 3
)

// Keeper keeps documents in a directory, moves aside what is damaged, and puts the words to errors. It is for one goroutine at a time.
type Keeper struct {
	Files     Files
	Dir       string           // the directory, absolute; empty when there is none but memory
	Now       func() time.Time // for the names of damaged files
	incidents []Incident
}

// Save makes v, encoded as by encoding/json, the content of a document: after a crash at any instant it is there whole, or
// the one before is.
func (k *Keeper) Save(name string, v any) error {
	body, err := EncodeDocument(v)
	if err != nil {
		return k.Failed("encode", name, err)
	}
	return k.Failed("save", name, Replace(k.Files, name, body))
}

// Load decodes a document into v, a pointer. It returns false, and leaves v alone, when there is none or none to be
// believed, which becomes an incident. An error means that the file is there and could not be read, or that v is no pointer.
func (k *Keeper) Load(name string, v any) (found bool, err error) {
	err = ReadDocument(k.Files, name, v)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case Damaged(err):
		_ = k.MoveAside(name, err.Error())
		return false, nil
	}
	return false, k.Failed("read", name, err)
}

// MoveAside renames what is damaged and notes the incident. The error, when the renaming fails on a read-only disk, may be ignored
// by who takes the file for absent all the same: the next who reads it will try again.
func (k *Keeper) MoveAside(name, reason string) error {
	incident := Incident{File: name, Reason: reason}
	aside := k.corruptName(name)
	err := k.Files.Rename(name, aside)
	if err == nil {
		incident.MovedTo = k.Path(aside)
		err = k.Files.SyncDir(path.Dir(name))
	}
	k.Note(incident)
	k.pruneCorrupt(path.Dir(name))
	return k.Failed("move aside", name, err)
}

// CopyAside is MoveAside for a file whose sound part goes on being used under its name.
func (k *Keeper) CopyAside(name, reason string, body []byte) {
	incident := Incident{File: name, Reason: reason}
	aside := k.corruptName(name)
	if err := Replace(k.Files, aside, body); err == nil {
		incident.MovedTo = k.Path(aside)
	}
	k.Note(incident)
	k.pruneCorrupt(path.Dir(name))
}

// Note adds an incident.
func (k *Keeper) Note(i Incident) { k.incidents = append(k.incidents, i) }

// Incidents returns what was found damaged since the last call, oldest first, and forgets it.
func (k *Keeper) Incidents() []Incident {
	found := k.incidents
	k.incidents = nil
	return found
}

// Path is the absolute path of something in the directory, empty when there is none but memory: a relative one would lead to
// wherever the daemon was started.
func (k *Keeper) Path(elem ...string) string {
	if k.Dir == "" {
		return ""
	}
	return filepath.Join(append([]string{k.Dir}, elem...)...)
}

// Failed puts the words to an error of the file layer, if it is one: what was tried on which file, why not, what to do.
func (k *Keeper) Failed(tried, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s %s: %w%s", tried, filepath.Join(k.Dir, name), err, Hint(err))
}

func (k *Keeper) corruptName(name string) string {
	return name + CorruptMark + k.Now().UTC().Format(corruptTime)
}

// pruneCorrupt removes all but the newest keepCorrupt damaged files of a directory. What cannot be removed stays.
func (k *Keeper) pruneCorrupt(dir string) {
	names, _ := k.Files.List(dir)
	corrupt := slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, CorruptMark) })
	slices.SortFunc(corrupt, func(a, b string) int { return cmp.Compare(whenCorrupt(b), whenCorrupt(a)) })
	for i, name := range corrupt {
		if i >= keepCorrupt {
			_ = k.Files.Remove(path.Join(dir, name))
		}
	}
}

func whenCorrupt(name string) string {
	_, when, _ := strings.Cut(name, CorruptMark)
	return when
}
