package store

import (
	"encoding/json"

	"opampd/supervisor/internal/disk"
)

// SaveState makes v the content of state.json: after a crash at any instant it is there whole, or the one before is. v is
// encoded as by encoding/json.
func (s *Store) SaveState(v any) error { return s.save(stateName, v) }

// LoadState decodes state.json into v, a pointer, as encoding/json does. It returns false, and leaves v alone, when there is
// none or none to be believed, which becomes an incident. An error means that the file is there and could not be read, or
// that v is no pointer.
func (s *Store) LoadState(v any) (found bool, err error) { return s.load(stateName, v) }

// SaveRun makes v the content of run.json, the record of the child; as SaveState.
func (s *Store) SaveRun(v any) error { return s.save(runName, v) }

// LoadRun decodes run.json into v; as LoadState.
func (s *Store) LoadRun(v any) (found bool, err error) { return s.load(runName, v) }

// SaveInspection makes v the content of collector.json, what the Collector's binary said of itself; as SaveState.
func (s *Store) SaveInspection(v any) error { return s.save(inspectionName, v) }

// LoadInspection decodes collector.json into v; as LoadState.
func (s *Store) LoadInspection(v any) (bool, error) { return s.load(inspectionName, v) }

// SaveUpgrade makes v the content of upgrade.json, where an upgrade stands; as SaveState. It is for people and for those who
// wait: nothing depends on it.
func (s *Store) SaveUpgrade(v any) error { return s.save(upgradeName, v) }

// RemoveRun removes run.json durably: there is no child. It may be absent.
func (s *Store) RemoveRun() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keeper.Failed("remove", runName, disk.Remove(s.keeper.Files, runName))
}

func (s *Store) save(name string, v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keeper.Save(name, v)
}

func (s *Store) load(name string, v any) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keeper.Load(name, v)
}

// check moves a damaged document aside. One that cannot be read now is left for the time it is asked for.
func (s *Store) check(name string) {
	var any json.RawMessage
	_, _ = s.load(name, &any)
}
