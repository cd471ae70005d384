package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// PutBlob keeps a configuration body and returns its name, the SHA-256 in lower case hex. One that is there and sound is
// not written again. The blob is safe from [Store.SweepBlobs] until a verdict on it is recorded.
func (s *Store) PutBlob(body []byte) (sha string, err error) {
	sha = hexSHA256(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.blob(sha); err != nil {
		name := path.Join(blobDir, sha)
		if err := replaceFile(s.files, name, body); err != nil {
			return "", s.failed("save", name, err)
		}
	}
	s.fresh[sha] = true
	return sha, nil
}

// Blob returns the body whose SHA-256 is sha. The error is fs.ErrNotExist when there is none; a body that does not have
// that hash any more is moved aside and is an error too.
func (s *Store) Blob(sha string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blob(sha)
}

func (s *Store) blob(sha string) ([]byte, error) {
	if !isSHA256(sha) {
		return nil, fmt.Errorf("cannot read a stored configuration: %q is not a SHA-256 in lower case hex", sha)
	}
	name := path.Join(blobDir, sha)
	body, err := s.files.Read(name)
	if errors.Is(err, errForeign) {
		s.moveAside(name, err.Error())
	}
	if err != nil {
		return nil, s.failed("read", name, err)
	}
	if hexSHA256(body) != sha {
		s.moveAside(name, "checksum does not match")
		return nil, s.failed("read", name, errors.New("it was damaged on disk and has been moved aside"))
	}
	return body, nil
}

// SweepBlobs removes the blobs that nobody needs: not those that keep claims, not the kept good generations, not those put
// by this process that wait for a verdict. keep may be nil, and must not call the Store, which is locked. The error tells of what could not be removed; the rest was.
func (s *Store) SweepBlobs(keep func(sha string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.files.List(blobDir)
	if err != nil {
		return s.failed("list", blobDir, err)
	}
	needed := map[string]bool{}
	for _, v := range s.ledger.good(s.keep) {
		needed[v.Body] = true
	}
	var errs []error
	for _, name := range names {
		if !isSHA256(name) || needed[name] || s.fresh[name] || keep != nil && keep(name) {
			continue
		}
		err := s.files.Remove(path.Join(blobDir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, s.failed("remove", path.Join(blobDir, name), err))
		}
	}
	return errors.Join(errs...)
}

// isSHA256 guards the way from a hash, which may come from a file or from the network, to a file name.
func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
