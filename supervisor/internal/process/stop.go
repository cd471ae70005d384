package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killWait is how long a SIGKILL may take. Only a process stuck in the kernel (dead NFS, broken disk) needs more.
const killWait = 10 * time.Second

// ErrStuck is returned by Stop and Run when even SIGKILL did not end the process in time: it hangs in the kernel.
var ErrStuck = errors.New("still there after SIGKILL, it hangs in the kernel (look at its storage)")

// Signal sends sig to the leader alone. It returns os.ErrProcessDone when the process has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	if p.ended() {
		return os.ErrProcessDone
	}
	if err := p.handle.signal(sig); err != nil {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(sig), p.pid, err)
	}
	return nil
}

// Stop asks the leader to end (SIGTERM), gives it grace, then kills the group, and returns when Done is closed.
// When ctx ends first, Stop returns its error and leaves the process as it is: asked, but perhaps alive. It may
// be called again, also after the end. It returns ErrStuck when the kernel cannot end the process.
func (p *Process) Stop(ctx context.Context, grace time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for process %d to end: %w", p.pid, ctx.Err())
	case <-timer.C:
	}
	p.Kill()
	return p.awaitKilled(ctx)
}

func (p *Process) awaitKilled(ctx context.Context) error {
	timer := time.NewTimer(killWait)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for process %d to die: %w", p.pid, ctx.Err())
	case <-timer.C:
		return fmt.Errorf("process %d: %w", p.pid, ErrStuck)
	}
}

// Kill ends the whole group at once and does not wait: see Done.
func (p *Process) Kill() {
	if p.ended() {
		return
	}
	_ = p.handle.signal(syscall.SIGKILL) // the group may have another number if the child changed it
	p.killGroup()
}

// killGroup sends SIGKILL to all of the group. Under the lock the number cannot be reaped and given to another.
func (p *Process) killGroup() {
	children.ifKept(p.pid, func() {
		if !p.handle.reused() {
			_ = unix.Kill(-p.pid, unix.SIGKILL) // ESRCH: nobody left
		}
	})
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
