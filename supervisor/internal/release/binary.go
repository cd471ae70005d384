package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"opampd/supervisor/internal/disk"
)

// copyBuffer is how many bytes at a time are read to hash a program: larger is not faster, and smaller is slower.
const copyBuffer = 128 << 10

// Sound reads the program of a slot through and compares its hash with the record. The error is as for [Releases.Load].
func (r *Releases) Sound(sha string) error {
	source, _, err := r.open(sha)
	if err != nil {
		return err
	}
	return r.failed("close the program of the release", sha, source.Close())
}

// OpenBinary opens the program of a slot and reads it through the descriptor that it returns, so that what is executed is
// what was hashed, whatever happens to the name meanwhile: execute /proc/self/fd/N, N being its Fd (proc(5)), and close it then.
// It is close-on-exec, which does not keep the kernel from executing it, but does keep an interpreter from reading a script.
// The error is as for [Releases.Load].
//
// execve(2) says ETXTBSY while a process has the file open for writing; a child that is just being made may, for a moment after
// [Releases.Install], which is a reason to try again.
func (r *Releases) OpenBinary(sha string) (*os.File, Record, error) {
	source, record, err := r.open(sha)
	if err != nil {
		return nil, Record{}, err
	}
	f, ok := source.(*os.File)
	if !ok {
		return nil, Record{}, errors.Join(r.failed("execute the release", sha, errors.ErrUnsupported), source.Close())
	}
	return f, record, nil
}

// open opens the program of a slot whose hash is right.
func (r *Releases) open(sha string) (disk.Source, Record, error) {
	record, err := r.Load(sha)
	if err != nil {
		return nil, Record{}, err
	}
	source, err := r.tree.Open(path.Join(sha, record.Program))
	if err != nil {
		return nil, Record{}, r.failed("open the program of the release", sha, err)
	}
	if err := compare(source, record); err != nil {
		return nil, Record{}, errors.Join(r.failed("use the release", sha, err), source.Close())
	}
	return source, record, nil
}

// compare says whether source is the program of the record. It reads at offsets, so that source is still at its beginning.
func compare(source disk.Source, record Record) error {
	info, err := source.Stat()
	if err != nil {
		return err //nolint:wrapcheck // the words are put to it by failed
	}
	if err := whole(info, record); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(source, 0, record.Size), make([]byte, copyBuffer)); err != nil {
		return err //nolint:wrapcheck // the words are put to it by failed
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != record.Binary {
		return &disk.DamagedError{Reason: fmt.Sprintf(
			"%q was changed or damaged since it was installed: its SHA-256 is %s, not %s; have the package offered again", record.Program, got, record.Binary)}
	}
	return nil
}
