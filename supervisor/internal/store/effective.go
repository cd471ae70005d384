package store

import (
	"errors"
	"path"
	"slices"
)

// errNoDirectory is why a Store in memory cannot give the Collector a file.
var errNoDirectory = errors.New("the Collector needs a file to read, and no directory can be written: mount a tmpfs on /tmp, or repair storage.directory")

// WriteEffective makes yaml the configuration that the Collector runs and returns its absolute path. Mode 0600: it has secrets in it.
func (s *Store) WriteEffective(yaml []byte) (path string, err error) {
	s.mu.Lock()
	s.effective = ""
	s.mu.Unlock()
	return s.writeForCollector(effectiveName, yaml)
}

// Effective returns the configuration that the Collector was last told to run; the error is fs.ErrNotExist when there is none.
func (s *Store) Effective() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := s.files.Read(effectiveName)
	return body, s.failed("read", effectiveName, err)
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
		_ = s.files.Remove(s.candidates[0]) // litter: the next start disposes of it
		s.candidates = s.candidates[1:]
	}
	return path, nil
}

// Promote makes the candidate config the effective configuration in one step and returns the path of that. The former
// effective configuration is gone then: it can be rendered again from its blob. Promoting what is effective already
// changes nothing. The error is fs.ErrNotExist when there is no such candidate.
func (s *Store) Promote(config string) (path string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := candidateName(config)
	if s.effective != config {
		if err = s.files.Rename(name, effectiveName); err != nil {
			return "", s.failed("promote", name, err)
		}
		s.effective = config
	}
	if err = s.files.SyncDir("."); err != nil {
		return "", s.failed("promote", name, err)
	}
	return s.Path(effectiveName), nil
}

// candidateName never leads out of the directory, whatever config is.
func candidateName(config string) string { return candidateDir + "/" + path.Base(config) + ".yaml" }

// dropCandidates removes what an earlier process prepared and did not come to use.
func (s *Store) dropCandidates() {
	names, _ := s.files.List(candidateDir)
	for _, name := range names {
		_ = s.files.Remove(path.Join(candidateDir, name))
	}
}

func (s *Store) writeForCollector(name string, yaml []byte) (string, error) {
	if s.dir == "" {
		return "", s.failed("write", name, errNoDirectory)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := replaceFile(s.files, name, yaml); err != nil {
		return "", s.failed("write", name, err)
	}
	return s.Path(name), nil
}
