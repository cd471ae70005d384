package store

import (
	"bytes"
	"errors"
	"path"
	"slices"

	"opampd/supervisor/internal/disk"
)

// errNoDirectory is why a Store in memory cannot give the Collector a file.
var errNoDirectory = errors.New("the Collector needs a file to read, and no directory can be written: mount a tmpfs on /tmp, or repair storage.directory")

// Effective returns the configuration that the Collector was last told to run; the error is fs.ErrNotExist when there is none.
func (s *Store) Effective() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := s.keeper.Files.Read(effectiveName)
	return body, s.keeper.Failed("read", effectiveName, err)
}

// keptCandidates is how many prepared configurations stay: the one that is about to start, and those that overtook it.
const keptCandidates = 3

// WriteCandidate stores a configuration to be validated beside the one that runs, under the name config (letters and
// digits, such as its hash), and returns its absolute path. The oldest of several candidates are removed.
func (s *Store) WriteCandidate(config string, yaml []byte) (path string, err error) {
	name := candidateName(config)
	s.mu.Lock()
	if s.candidates == nil {
		s.dropCandidates()
	}
	s.mu.Unlock()
	if path, err = s.writeForCollector(name, yaml); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.candidates = append(slices.DeleteFunc(s.candidates, func(c string) bool { return c == name }), name)
	for len(s.candidates) > keptCandidates {
		_ = s.keeper.Files.Remove(s.candidates[0]) // litter: the next start disposes of it
		s.candidates = s.candidates[1:]
	}
	return path, nil
}

// Promote makes the candidate config the effective configuration in one step and returns the path of that. The former
// effective configuration is gone then: it can be rendered again from its blob. Promoting what is effective already
// changes nothing, but for a file that was deleted or changed behind our back: it is written again. The error is
// fs.ErrNotExist when there is no such candidate.
func (s *Store) Promote(config string) (path string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := candidateName(config)
	if s.promoted.config == config {
		return s.Path(effectiveName), s.keeper.Failed("write", effectiveName, s.restore())
	}
	body, err := s.keeper.Files.Read(name)
	if err != nil {
		return "", s.keeper.Failed("promote", name, err)
	}
	if err = s.keeper.Files.Rename(name, effectiveName); err != nil {
		return "", s.keeper.Failed("promote", name, err)
	}
	s.promoted = promoted{config, body}
	if err = s.keeper.Files.SyncDir("."); err != nil {
		return "", s.keeper.Failed("promote", name, err)
	}
	return s.Path(effectiveName), nil
}

// Inherit takes the effective configuration, which an earlier process promoted, for one that this process did, under the
// name config. The error is fs.ErrNotExist when there is none.
func (s *Store) Inherit(config string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := s.keeper.Files.Read(effectiveName)
	if err != nil {
		return s.keeper.Failed("read", effectiveName, err)
	}
	s.promoted = promoted{config, body}
	return nil
}

// promoted is the configuration that was made effective last. It is kept in memory too: without its file no Collector
// could be started again before a new configuration comes.
type promoted struct {
	config string
	yaml   []byte
}

// restore writes what was promoted again unless it is there as it should be.
func (s *Store) restore() error {
	if body, err := s.keeper.Files.Read(effectiveName); err == nil && bytes.Equal(body, s.promoted.yaml) {
		return s.keeper.Files.SyncDir(".")
	}
	return disk.Replace(s.keeper.Files, effectiveName, s.promoted.yaml)
}

// candidateName never leads out of the directory, whatever config is.
func candidateName(config string) string { return candidateDir + "/" + path.Base(config) + ".yaml" }

// dropCandidates removes what an earlier process prepared and did not come to use.
func (s *Store) dropCandidates() {
	names, _ := s.keeper.Files.List(candidateDir)
	for _, name := range names {
		_ = s.keeper.Files.Remove(path.Join(candidateDir, name))
	}
}

func (s *Store) writeForCollector(name string, yaml []byte) (string, error) {
	if s.keeper.Dir == "" {
		return "", s.keeper.Failed("write", name, errNoDirectory)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := disk.Replace(s.keeper.Files, name, yaml); err != nil {
		return "", s.keeper.Failed("write", name, err)
	}
	return s.Path(name), nil
}
