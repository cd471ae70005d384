package agent

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"opampd/supervisor/internal/process"
)

// Program is the Collector of an installed release.
type Program struct {
	Path string // for people, and for argv
	Hash string // SHA-256, as it was when it was installed
	// Open returns the file, after it has been read through that very descriptor and
	// found to be what was installed.
	Open func() (*os.File, error)
}

// DamagedError is the error of Settings.Program and Program.Open for a release that is not
// any more what was installed, or is gone.
type DamagedError struct{ Err error }

func (e *DamagedError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with it.
func (e *DamagedError) Unwrap() error { return e.Err }

// programOf returns where the Collector of a release is; the empty release is
// agent.executable, whose hash is not known beforehand.
func (s Settings) programOf(release string) (Program, error) {
	if release == "" {
		return Program{Path: s.Agent.Executable}, nil
	}
	return s.Program(release)
}

// runnable is a program about to be executed.
type runnable struct {
	file string // what to execute
	path string // what it is called
	done func()
}

// open makes a program ready to be executed. What was installed is executed through
// the descriptor through which it was checked, so that nobody can exchange it in
// between.
func (p Program) open() (runnable, error) {
	if p.Open == nil {
		return runnable{p.Path, p.Path, func() {}}, nil
	}
	f, err := p.Open()
	if err != nil {
		return runnable{}, err
	}
	through := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if _, err := os.Stat(through); err != nil {
		through = p.Path // a system without /proc
	}
	return runnable{through, p.Path, func() { _ = f.Close() }}, nil
}

// spec is how it is executed.
func (r runnable) spec(args, env []string) process.Spec {
	return process.Spec{Path: r.file, Argv: append([]string{r.path}, args...), Env: env}
}

// patiently tries again while the kernel says ETXTBSY: a child that is just being made by
// another lane has the file open for a moment after it was written, see execve(2).
func patiently(try func() error) error {
	const pause, most = 5 * time.Millisecond, 100
	for range most {
		if err := try(); !errors.Is(err, syscall.ETXTBSY) {
			return err
		}
		time.Sleep(pause) //nolint:forbidigo // nobody tells when that child executes its own program
	}
	return try()
}

// stamp tells whether a file is the one that was looked at before, without reading it.
func stamp(info os.FileInfo) string {
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	return fmt.Sprintf("%d bytes, inode %d, of %d", info.Size(), inode, info.ModTime().UnixNano())
}
