package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"opampd/supervisor/internal/disk"
)

// PutBlob keeps a configuration body and returns its name, the SHA-256 in lower case hex. One that is there and sound is
// not written again. The blob is safe from [Store.SweepBlobs] until a verdict on it is recorded, or Settle is called.
func (s *Store) PutBlob(body []byte) (sha string, err error) {
	sha = hexSHA256(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.blob(sha); err != nil {
		name := path.Join(blobDir, sha)
		if err := disk.Replace(s.keeper.Files, name, body); err != nil {
			return "", s.keeper.Failed("save", name, err)
		}
	}
	s.fresh[sha] = true
	return sha, nil
}

// Settle says that whoever put a blob has told of it: from here on it is for keep of [Store.SweepBlobs] to say whether it is
// needed. It is for what no verdict of its own ever comes to.
func (s *Store) Settle(sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.fresh, sha)
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
	body, err := s.keeper.Files.Read(name)
	if errors.Is(err, disk.ErrForeign) {
		_ = s.keeper.MoveAside(name, err.Error())
	}
	if err != nil {
		return nil, s.keeper.Failed("read", name, err)
	}
	if hexSHA256(body) != sha {
		_ = s.keeper.MoveAside(name, "checksum does not match")
		return nil, s.keeper.Failed("read", name, errors.New("it was damaged on disk and has been moved aside"))
	}
	return body, nil
}

// SweepBlobs removes the blobs that nobody needs: not those that keep claims, not the kept good generations, not those put
// by this process that wait for a verdict. keep may be nil, and must not call the Store, which is locked. The error tells of what could not be removed; the rest was.
func (s *Store) SweepBlobs(keep func(sha string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.keeper.Files.List(blobDir)
	if err != nil {
		return s.keeper.Failed("list", blobDir, err)
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
		err := s.keeper.Files.Remove(path.Join(blobDir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, s.keeper.Failed("remove", path.Join(blobDir, name), err))
		}
	}
	return errors.Join(errs...)
}

func hexSHA256(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// isSHA256 guards the way from a hash, which may come from a file or from the network, to a file name.
func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
