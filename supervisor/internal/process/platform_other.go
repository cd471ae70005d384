//go:build !linux

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Elsewhere than on Linux a child is started, stopped and watched, but it cannot be adopted, and its group may only
// be killed after the leader was reaped.

type handle struct {
	pid    int
	status unix.WaitStatus
	failed bool
}

func openHandle(pid int) *handle { return &handle{pid: pid} }

func (h *handle) wait() {
	for {
		_, err := unix.Wait4(h.pid, &h.status, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			h.failed = err != nil
			return
		}
	}
}

func (h *handle) reap() Exit {
	children.take(h.pid, func() bool { return true })
	if h.failed {
		return Exit{Unknown: true}
	}
	return exitOf(h.status)
}

func (h *handle) signal(sig syscall.Signal) error {
	err := unix.Kill(h.pid, sig)
	if errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err //nolint:wrapcheck // Signal says what was tried
}

func (h *handle) reused() bool { return false }
func (h *handle) close()       {}

// Record is of no use on this platform: Find cannot tell one process from another.
func (p *Process) Record() Record { return Record{PID: p.pid} }

// Find returns errors.ErrUnsupported: there is no safe way here to know a process again.
func Find(r Record, _ *Log) (*Process, error) {
	return nil, fmt.Errorf("find process %d: %w on this platform", r.PID, errors.ErrUnsupported)
}

// Reap returns at once: orphans go to another program.
func Reap(context.Context) {}

type oomCounter struct{}

func countOOM() oomCounter     { return oomCounter{} }
func (oomCounter) grown() bool { return false }
func hasRoom(*os.File) error   { return nil }

func closeOnExec() {}

func withEmptyMask(fork func() error) error { return fork() }
