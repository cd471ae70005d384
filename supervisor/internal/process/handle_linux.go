package process

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvery is how often a process is looked at when the kernel gives no pidfd (before 5.3, some sandboxes).
const pollEvery = 100 * time.Millisecond

// handle is one process and no other that may get its pid later: a pidfd, or the start time where there is none.
type handle struct {
	pid   int
	start uint64
	fd    *os.File // pidfd, nil where there is none
}

// openHandle must be called while pid cannot be reaped by anybody, or be followed by a check of who it is.
func openHandle(pid int) *handle {
	h := &handle{pid: pid}
	if fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK); err == nil {
		h.fd = os.NewFile(uintptr(fd), "pidfd")
	}
	if stat, err := readStat(pid); err == nil {
		h.start = stat.start
	}
	return h
}

// wait returns when the process has ended, reaped or not.
func (h *handle) wait() {
	if h.fd != nil {
		if conn, err := h.fd.SyscallConn(); err == nil && conn.Read(readable) == nil {
			return
		}
	}
	h.poll()
}

// readable reports whether a pidfd says that its process has ended (man 2 pidfd_open).
func readable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor
	n, err := unix.Poll(fds, 0)
	return n > 0 && err == nil
}

func (h *handle) poll() {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for h.alive() {
		<-ticker.C
	}
}

func (h *handle) alive() bool {
	stat, err := readStat(h.pid)
	return err == nil && stat.start == h.start && !stat.dead()
}

// reused reports whether the pid belongs to another process by now.
func (h *handle) reused() bool {
	stat, err := readStat(h.pid)
	return err == nil && stat.start != h.start
}

func (h *handle) signal(sig syscall.Signal) error {
	if h.fd != nil {
		err := h.pidfdSignal(sig)
		if err == nil || errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	if !h.alive() {
		return os.ErrProcessDone
	}
	return unix.Kill(h.pid, sig) //nolint:wrapcheck // Signal says what was tried
}

func (h *handle) pidfdSignal(sig syscall.Signal) error {
	conn, err := h.fd.SyscallConn()
	if err != nil {
		return os.ErrProcessDone // closed after the end
	}
	var sent error
	err = conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	if err != nil || errors.Is(sent, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return sent //nolint:wrapcheck // Signal says what was tried
}

// reap takes the exit status when the process is our child, and forgets the pid. It must follow wait.
func (h *handle) reap() Exit {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		exit, done := h.tryReap()
		if done {
			return exit
		}
		<-ticker.C // a debugger holds the dead process: the kernel gives it to us afterwards
	}
}

func (h *handle) tryReap() (exit Exit, done bool) {
	done = children.take(h.pid, func() bool {
		exit = Exit{Unknown: true}
		stat, err := readStat(h.pid)
		if err == nil && (stat.start != h.start || stat.parent != os.Getpid()) {
			return true
		}
		var status unix.WaitStatus
		pid, err := wait4(h.pid, &status)
		if err != nil {
			return true
		}
		exit = exitOf(status)
		return pid == h.pid
	})
	return exit, done
}

func (h *handle) close() {
	if h.fd != nil {
		_ = h.fd.Close()
	}
}

// wait4 never blocks. It returns 0 for a child that has not ended.
func wait4(pid int, status *unix.WaitStatus) (int, error) {
	for {
		reaped, err := unix.Wait4(pid, status, unix.WNOHANG, nil)
		if !errors.Is(err, unix.EINTR) {
			return reaped, err //nolint:wrapcheck // callers only ask whether
		}
	}
}
