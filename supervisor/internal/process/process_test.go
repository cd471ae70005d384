//go:build linux

package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestExitTellsTheCodeAndTheLastLines(t *testing.T) {
	t.Parallel()
	log, _ := recorder(t, LogSettings{})
	before := time.Now()
	exit := ended(t, started(t, withLog(self("exit", "3"), log)))
	assert.Equal(t, 3, exit.Code)
	assert.Equal(t, "exited with code 3", exit.String())
	assert.Equal(t, "about to exit", exit.Tail)
	assert.False(t, exit.At.Before(before))
	assert.False(t, exit.Success())
}

func TestExitTellsTheSignal(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{})
	exit := ended(t, started(t, withLog(self("killed"), log)))
	assert.Equal(t, "killed by signal 9 (SIGKILL)", exit.String())
	assert.Equal(t, "panic: out of luck", exit.Tail)
	line := <-lines // there already: passed on before Done
	assert.Equal(t, Line{Level: "error", Message: "panic: out of luck", Raw: "panic: out of luck"}, line)
}

func TestExitIsZeroBeforeTheEnd(t *testing.T) {
	t.Parallel()
	p := started(t, self("wait"))
	assert.Zero(t, p.Exit())
}

func TestExitHintsAtMemory(t *testing.T) {
	t.Parallel()
	exit := Exit{Signal: "SIGKILL", OutOfMemory: true}
	assert.Equal(t, "killed by signal 9 (SIGKILL), possibly out of memory", exit.String())
	assert.Contains(t, Exit{Unknown: true}.String(), "not known")
	assert.Contains(t, exitOf(11|0x80).String(), "(SIGSEGV), core dumped")
	assert.Equal(t, "killed by signal 40", exitOf(40).String())
}

func TestChildGetsNothingButWhatItIsGiven(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{})
	spec := withLog(self("env"), log)
	spec.Dir = "/"
	ended(t, started(t, spec))
	assert.Equal(t, childEnv+"=env /", (<-lines).Raw)
}

func TestChildInheritsNoDescriptor(t *testing.T) {
	t.Parallel()
	inherited, err := unix.Open("/dev/null", unix.O_RDONLY, 0) // as from a shell: without O_CLOEXEC
	require.NoError(t, err)
	defer func() { _ = unix.Close(inherited) }()
	out, err := Run(deadline(t), Spec{Path: "/bin/ls", Argv: []string{"ls", "/proc/self/fd"}}, 0)
	require.NoError(t, err)
	assert.Equal(t, "0\n1\n2\n3\n", string(out.Stdout), "3 is the directory itself")
}

func TestChildLeadsItsOwnGroup(t *testing.T) {
	t.Parallel()
	p := started(t, self("wait"))
	group, err := unix.Getpgid(p.PID())
	require.NoError(t, err)
	assert.Equal(t, p.PID(), group)
}

func TestChildOfParentThatIgnoresAndBlocksSignalsDoesNot(t *testing.T) {
	t.Parallel()
	spec := self("signals")
	spec.Argv = []string{"sh", "-c", `trap "" HUP INT TERM USR1; exec ` + spec.Path}
	spec.Path = "/bin/sh"
	out, err := Run(deadline(t), spec, 0)
	require.NoError(t, err, out.Exit.Tail)
	assert.Regexp(t, `SigBlk:\s0+\n`, string(out.Stdout))
	// The C library keeps signals from 32 on for itself, and ignores some of them.
	assert.Regexp(t, `SigIgn:\s0+([0-9a-f]*[08]0000000)?\n`, string(out.Stdout))
}

func TestStartOfNothingSaysSo(t *testing.T) {
	t.Parallel()
	log, _ := recorder(t, LogSettings{})
	_, err := Start(Spec{Path: "/nowhere/otelcol", Log: log})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestStartWithClosedLogIsRefused(t *testing.T) {
	t.Parallel()
	log := OpenLog(LogSettings{Path: filepath.Join(t.TempDir(), "collector.log")})
	log.Close()
	_, err := Start(withLog(self("wait"), log))
	require.ErrorIs(t, err, ErrLogClosed)
}

func TestStopAsksFirst(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{})
	p := started(t, withLog(self("wait"), log))
	lineWith(t, lines, "ready")
	require.NoError(t, p.Stop(deadline(t), patience))
	assert.Equal(t, "SIGTERM", p.Exit().Signal)
}

func TestStopKillsWhoIgnoresIt(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{})
	p := started(t, withLog(self("stubborn"), log))
	lineWith(t, lines, "ready")
	require.NoError(t, p.Stop(deadline(t), 10*time.Millisecond))
	assert.Equal(t, "SIGKILL", p.Exit().Signal)
	require.NoError(t, p.Stop(deadline(t), 0), "again")
	require.ErrorIs(t, p.Signal(syscall.SIGHUP), os.ErrProcessDone)
}

func TestStopEndsWithItsContextAndLeavesTheProcess(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{})
	p := started(t, withLog(self("stubborn"), log))
	lineWith(t, lines, "ready")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("forced"))
	require.ErrorIs(t, p.Stop(ctx, time.Hour), context.Canceled)
	assert.Zero(t, p.Exit())
	p.Kill()
	assert.Equal(t, "SIGKILL", ended(t, p).Signal)
}

func TestKillEndsTheGroup(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{})
	p := started(t, withLog(self("family", "stay", "our group"), log))
	grandchild := pidIn(t, lineWith(t, lines, "grandchild"))
	p.Kill()
	ended(t, p)
	requireGone(t, grandchild)
}

func TestGroupEndsWithItsLeader(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{})
	p := started(t, withLog(self("family", "leave", "our group"), log))
	assert.True(t, ended(t, p).Success())
	requireGone(t, pidIn(t, lineWith(t, lines, "grandchild")))
}

func TestProcessIsWatchedWithoutPidfd(t *testing.T) {
	t.Parallel()
	p, err := start(self("stubborn"), nil, nil)
	require.NoError(t, err)
	p.handle.close()
	p.handle.fd = nil
	go p.watch(func() string { return "" })
	require.NoError(t, p.Signal(syscall.SIGCONT))
	p.Kill()
	assert.Equal(t, "SIGKILL", ended(t, p).Signal)
}
