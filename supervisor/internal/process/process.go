// Package process starts, watches, adopts and ends one child process group.
//
// A child outlives this program on purpose: its output is a file (see Log), nothing of it hangs on a pipe that
// dies with us, and Find takes it back by its Record. Short-lived commands (Run) are the exception: they end
// with their context.
//
// The methods of a Process may be called from several goroutines: a Kill must be able to overtake a Stop that waits.
// What a Process is does not change after Start or Find, but for how it ended, which is written before Done is closed.
package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrGone is returned by Find when the recorded process has ended.
var ErrGone = errors.New("the recorded process has ended")

// ErrForeign is returned by Find when the recorded pid now belongs to another program. It must not be signalled.
var ErrForeign = errors.New("the recorded pid belongs to another process")

// Spec says what to start. Nothing is inherited from this program but its user, limits, cgroup and umask.
type Spec struct {
	Path string   // the file to execute, absolute: no PATH lookup
	Argv []string // all of argv, name first; empty: {Path}
	Env  []string // the whole environment, see ChildEnv
	Dir  string   // working directory; empty: ours
	Log  *Log     // where stdout and stderr go; nil: discarded
}

// Process is a child that was started (Start) or taken back (Find).
type Process struct {
	pid     int
	handle  *handle
	started time.Time
	ooms    oomCounter
	done    chan struct{}
	exit    Exit // written before done is closed
}

// Start runs spec as the leader of a new process group, with default signal dispositions, no standard input and
// no other descriptor. The error wraps the reason of the kernel; Explain puts it into words.
func Start(spec Spec) (*Process, error) {
	out, err := spec.Log.begin()
	if err != nil {
		return nil, err
	}
	defer out.release()
	p, err := start(spec, out.file, out.file)
	if err != nil {
		out.release()
		out.finish()
		return nil, err
	}
	go p.watch(out.finish)
	return p, nil
}

// start forks. The caller owes the Process a watch.
func start(spec Spec, stdout, stderr *os.File) (*Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("give %s no standard input: %w", spec.Path, err)
	}
	defer null.Close() //nolint:errcheck // opened to be inherited, nothing is written
	attr := &os.ProcAttr{
		Dir:   spec.Dir,
		Env:   append([]string{}, spec.Env...), // not nil: nil would mean our own environment
		Files: []*os.File{null, orNull(stdout, null), orNull(stderr, null)},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	p := &Process{started: time.Now(), ooms: countOOM(), done: make(chan struct{})}
	p.handle, err = children.keep(func() (*handle, error) { return fork(spec, attr) })
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	p.pid = p.handle.pid
	return p, nil
}

func fork(spec Spec, attr *os.ProcAttr) (*handle, error) {
	argv := spec.Argv
	if len(argv) == 0 {
		argv = []string{spec.Path}
	}
	closeOnExec()
	var h *handle
	err := withDefaultSignals(func() error {
		child, err := os.StartProcess(spec.Path, argv, attr)
		if err != nil {
			return err //nolint:wrapcheck // start says what was tried
		}
		h = openHandle(child.Pid)
		_ = child.Release() // from here on it is ours alone to wait for
		return nil
	})
	return h, err
}

func orNull(file, null *os.File) *os.File {
	if file == nil {
		return null
	}
	return file
}

// watch waits for the end of the leader, ends the rest of its group, reaps it, collects what it wrote and
// reports. finish returns the last lines of the output, and returns only when they were passed on.
func (p *Process) watch(finish func() string) {
	p.handle.wait()
	// The leader is dead but not reaped yet, so that its number still means this group and no other.
	p.killGroup()
	exit := p.handle.reap()
	exit.At = time.Now()
	exit.OutOfMemory = exit.Signal == "SIGKILL" && p.ooms.grown()
	exit.Tail = finish()
	p.exit = exit
	close(p.done)
	p.handle.close()
}

// PID is the process id, which is the id of the group as well.
func (p *Process) PID() int { return p.pid }

// StartedAt is when Start ran; for an adopted process when the kernel says that it started (to about 10 ms).
func (p *Process) StartedAt() time.Time { return p.started }

// Done is closed when the process was reaped, its group is gone and its last output was passed on.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit tells how the process ended. It is the zero Exit until Done is closed.
func (p *Process) Exit() Exit {
	select {
	case <-p.done:
		return p.exit
	default:
		return Exit{}
	}
}
