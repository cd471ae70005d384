//go:build linux

package process

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunReturnsBothStreams(t *testing.T) {
	t.Parallel()
	out, err := Run(deadline(t), self("echo", "said", "complained"), 0)
	require.NoError(t, err)
	assert.Equal(t, "said", string(out.Stdout))
	assert.Equal(t, "complained", string(out.Stderr))
	assert.Equal(t, "complained", out.Exit.Tail)
	assert.False(t, out.Truncated)
}

func TestRunTellsFailureByType(t *testing.T) {
	t.Parallel()
	out, err := Run(deadline(t), self("exit", "4"), 0)
	var failed *ExitError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 4, failed.Exit.Code)
	assert.Equal(t, "about to exit", out.Exit.Tail)
	assert.True(t, strings.HasSuffix(err.Error(), " exited with code 4"))
}

func TestRunKeepsTheHeadOfStdoutAndTheEndOfStderr(t *testing.T) {
	t.Parallel()
	out, err := Run(deadline(t), self("echo", "abcdef", "abcdef"), 4)
	require.NoError(t, err)
	assert.Equal(t, "abcd", string(out.Stdout))
	assert.Equal(t, "cdef", string(out.Stderr))
	assert.True(t, out.Truncated)
}

func TestEndOfAStreamIsKeptWhateverTheChunks(t *testing.T) {
	t.Parallel()
	stream := []byte(strings.Repeat("0123456789", 50))
	for size := 1; size <= len(stream); size += 7 {
		e := &end{limit: 64}
		for rest := stream; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			_, _ = e.Write(rest[:min(size, len(rest))])
			require.LessOrEqual(t, len(e.data), 3*e.limit)
		}
		assert.Equal(t, stream[len(stream)-64:], e.bytes())
		assert.True(t, e.truncated())
	}
}

func TestRunSurvivesAFlood(t *testing.T) {
	t.Parallel()
	out, err := Run(deadline(t), self("flood", "50000000"), 0)
	require.NoError(t, err)
	assert.Len(t, out.Stdout, defaultLimit)
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Run(ctx, self("family", "stay", "our group"), 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = Run(ctx, self("wait"), 0)
	require.ErrorIs(t, err, context.DeadlineExceeded, "not even started")
}

func TestRunDoesNotWaitForWhoHoldsTheStream(t *testing.T) {
	t.Parallel()
	out, err := Run(deadline(t), self("family", "leave", "own session"), 0)
	require.NoError(t, err)
	grandchild := pidIn(t, strings.Split(string(out.Stdout), "\n")[0])
	assert.NoError(t, syscall.Kill(grandchild, syscall.SIGKILL), "it lives: it left the group")
}

func TestChildEnvKeepsOurOwnFromTheChild(t *testing.T) {
	t.Parallel()
	base := []string{
		"PATH=/bin", "NOTIFY_SOCKET=/run/x", "WATCHDOG_USEC=1", "LISTEN_FDS=2", "OPAMPD_TOKEN=secret",
		"NOTIFY_SOCKETS=kept", "HOME=/", "EMPTY=",
	}
	got := ChildEnv(base, map[string]string{"HOME": "/home", "GOMEMLIMIT": "1", "LISTEN_FDS": "1"})
	assert.Equal(t, []string{
		"PATH=/bin", "NOTIFY_SOCKETS=kept", "EMPTY=", "GOMEMLIMIT=1", "HOME=/home", "LISTEN_FDS=1",
	}, got)
}

func TestExplainNamesTheCause(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content []byte
		mode    os.FileMode
		want    string
	}{
		"other machine": {elfFor(t, 183), 0o755, "is built for another architecture (aarch64; this machine is " + ourMachine() + ")"},
		"damaged":       {elfFor(t, 62), 0o755, "is damaged"},
		"archive":       {[]byte{0x1f, 0x8b, 8, 0}, 0o755, "is not a program for this system"},
		"mode":          {nil, 0o644, "is not executable: chmod +x"},
		"interpreter":   {[]byte("#!/nowhere/sh\n"), 0o755, "whose interpreter is missing"},
	} {
		path := filepath.Join(t.TempDir(), "otelcol")
		require.NoError(t, os.WriteFile(path, test.content, test.mode))
		_, err := Run(deadline(t), Spec{Path: path}, 0)
		require.Error(t, err, name)
		assert.Contains(t, Explain(err, path), test.want, name)
		assert.Contains(t, Explain(err, path), path, name)
	}
}

// elfFor is the header of a program for a machine (man 5 elf), with nothing behind it.
func elfFor(t *testing.T, machine uint16) []byte {
	t.Helper()
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(header[16:], 2)
	binary.LittleEndian.PutUint16(header[18:], machine)
	return header
}

func TestExplainNamesAMissingCLibrary(t *testing.T) {
	t.Parallel()
	shell, err := os.ReadFile("/bin/sh")
	require.NoError(t, err)
	loader := interpreterOf("/bin/sh")
	if loader == "" {
		t.Skip("the shell of this machine is static")
	}
	missing := "/nowhere" + strings.Repeat("x", len(loader)-len("/nowhere"))
	path := filepath.Join(t.TempDir(), "otelcol")
	require.NoError(t, os.WriteFile(path, bytes.ReplaceAll(shell, []byte(loader), []byte(missing)), 0o755))
	_, err = Run(deadline(t), Spec{Path: path}, 0)
	assert.Contains(t, Explain(err, path), "needs "+missing)
}

func TestExplainOfOtherErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Run(deadline(t), Spec{Path: dir}, 0)
	assert.Contains(t, Explain(err, dir), "is a directory")
	_, err = Run(deadline(t), Spec{Path: dir + "/x"}, 0)
	assert.Contains(t, Explain(err, dir+"/x"), "there is no Collector at")
	assert.Contains(t, Explain(syscall.ETXTBSY, "/x"), "is being written")
	assert.Contains(t, Explain(syscall.EAGAIN, "/x"), "no room for another process")
	assert.Contains(t, Explain(os.ErrPermission, "/nowhere/x"), "cannot be reached")
	assert.Contains(t, Explain(os.ErrPermission, os.Args[0]), "noexec")
	assert.Equal(t, "else", Explain(errors.New("else"), "/x"))
	assert.Empty(t, Explain(nil, "/x"))
}

func TestRunGivesUpOnACommandThatHangsInTheKernel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &Process{handle: &handle{}, done: make(chan struct{})} // SIGKILL does nothing to it
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		err := p.awaitWithin(ctx)
		require.ErrorIs(t, err, ErrStuck)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute+killWait, time.Since(began))
	})
}
