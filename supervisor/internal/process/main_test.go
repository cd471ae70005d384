//go:build linux

package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	childEnv = "PROCESS_TEST_CHILD"
	patience = 30 * time.Second // for what happens at once on an idle machine
)

// TestMain makes the test binary the bad child of its own tests.
func TestMain(m *testing.M) {
	if mode := os.Getenv(childEnv); mode != "" {
		syscall.Exit(beChild(mode, os.Args[1:])) // not os.Exit, which prints a warning when coverage is measured
	}
	os.Exit(m.Run())
}

// self is a Spec that runs the test binary as a child of the given kind.
func self(mode string, args ...string) Spec {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Spec{Path: path, Argv: append([]string{"child"}, args...), Env: []string{childEnv + "=" + mode}}
}

func beChild(mode string, args []string) int {
	kinds := map[string]func([]string) int{
		"exit": beExit, "wait": beWait, "stubborn": beStubborn, "family": beFamily, "flood": beFlood,
		"garbage": beGarbage, "killed": beKilled, "logger": beLogger, "env": beEnv, "echo": beEcho,
		"opampd": beOpampd, "reexec": beReexec, "readopt": beReadopt, "reaper": beReaper, "signals": beSignals,
	}
	return kinds[mode](args)
}

func forever() int {
	<-time.After(2 * time.Minute) // an end, should the test forget us
	return 99
}

func beExit(args []string) int {
	fmt.Println("about to exit")
	code, _ := strconv.Atoi(args[0])
	return code
}

func beWait([]string) int {
	fmt.Println("ready", os.Getpid())
	return forever()
}

func beStubborn([]string) int {
	signal.Ignore(syscall.SIGTERM)
	return beWait(nil)
}

// beFamily starts a grandchild that holds our output, and stays or leaves.
func beFamily(args []string) int {
	cmd := exec.Command(self("").Path)
	cmd.Env = []string{childEnv + "=wait"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: args[1] == "own session"}
	if err := cmd.Start(); err != nil {
		return 98
	}
	fmt.Println("grandchild", cmd.Process.Pid)
	if args[0] == "stay" {
		return forever()
	}
	return 0
}

func beFlood(args []string) int {
	total, _ := strconv.Atoi(args[0])
	line := []byte(strings.Repeat("x", 99) + "\n")
	block := []byte(strings.Repeat(string(line), 640))
	for written := 0; written < total; written += len(block) {
		if _, err := os.Stdout.Write(block); err != nil {
			return 97
		}
	}
	fmt.Println("the last line")
	return 0
}

func beGarbage([]string) int {
	fmt.Printf("bad \xff\xfe utf-8\n")
	fmt.Printf("\x1b[31mred\x1b[0m\x00 bell\a\n")
	fmt.Println(strings.Repeat("long", 1000))
	fmt.Print("no newline at the end")
	return 3
}

func beKilled([]string) int {
	fmt.Println("panic: out of luck")
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	return forever()
}

func beLogger([]string) int {
	for i := range 60_000 {
		fmt.Println("line", i)
		<-time.After(2 * time.Millisecond)
	}
	return 0
}

func beEnv([]string) int {
	dir, _ := os.Getwd()
	fmt.Println(strings.Join(os.Environ(), " "), dir)
	_, _ = io.Copy(os.Stdout, os.Stdin) // nothing
	return 0
}

func beEcho(args []string) int {
	fmt.Print(args[0])
	fmt.Fprint(os.Stderr, args[1])
	return 0
}

// beOpampd starts a Collector that goes on when we are killed.
func beOpampd(args []string) int {
	p, err := Start(withLog(self("logger"), OpenLog(LogSettings{Path: args[0]})))
	if err != nil {
		return 96
	}
	_ = json.NewEncoder(os.Stdout).Encode(p.Record())
	return forever()
}

// beReexec replaces itself by exec with a child alive, as a daemon that reloads itself in place.
func beReexec([]string) int {
	p, err := Start(self("wait"))
	if err != nil {
		return 95
	}
	record, _ := json.Marshal(p.Record())
	_ = unix.Exec(self("").Path, []string{"child", string(record)}, []string{childEnv + "=readopt"})
	return 94
}

func beReadopt(args []string) int {
	var r Record
	_ = json.Unmarshal([]byte(args[0]), &r)
	p, err := Find(r, nil)
	if err != nil {
		fmt.Println(err)
		return 93
	}
	p.Kill()
	<-p.Done()
	fmt.Println(p.Exit())
	return 0
}

// beReaper buries an orphan while it starts children that end faster than their pids are noted.
func beReaper([]string) int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil { // as PID 1 is the parent of orphans
		return 92
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	go Reap(ctx)
	out, err := Run(ctx, self("family", "leave", "own session"), 0)
	if err != nil {
		fmt.Println(err)
		return 91
	}
	var orphan int
	_, _ = fmt.Sscanf(string(out.Stdout), "grandchild %d", &orphan)
	_ = unix.Kill(orphan, unix.SIGKILL)
	for range 40 {
		_, err := Run(ctx, Spec{Path: "/bin/sh", Argv: []string{"sh", "-c", "exit 7"}}, 0)
		if err == nil || !strings.HasSuffix(err.Error(), "exited with code 7") {
			fmt.Println("stolen:", err)
			return 90
		}
	}
	for ctx.Err() == nil && unix.Kill(orphan, 0) == nil {
		<-time.After(time.Millisecond)
	}
	fmt.Println("orphan", unix.Kill(orphan, 0))
	return 0
}

// beSignals shows the signals of a child whose parent ignores and blocks some.
func beSignals([]string) int {
	signal.Ignore(syscall.SIGUSR1)
	block := unix.Sigset_t{}
	block.Val[0] = 1<<(unix.SIGTERM-1) | 1<<(unix.SIGHUP-1)
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, &block, nil)
	out, err := Run(context.Background(), Spec{Path: "/bin/cat", Argv: []string{"cat", "/proc/self/status"}}, 0)
	fmt.Print(string(out.Stdout))
	if err != nil || !signal.Ignored(syscall.SIGHUP) {
		return 89
	}
	return 0
}

func withLog(spec Spec, log *Log) Spec {
	spec.Log = log
	return spec
}

// recorder is a Log whose lines a test can wait for.
func recorder(t *testing.T, settings LogSettings) (*Log, <-chan Line) {
	t.Helper()
	lines := make(chan Line, 100_000)
	settings.Lines = func(line Line) { lines <- line }
	if settings.Path == "" {
		settings.Path = filepath.Join(t.TempDir(), "logs", "collector.log")
	}
	log := OpenLog(settings)
	t.Cleanup(log.Close)
	return log, lines
}

func started(t *testing.T, spec Spec) *Process {
	t.Helper()
	p, err := Start(spec)
	require.NoError(t, err)
	t.Cleanup(func() {
		p.Kill()
		<-p.Done()
	})
	return p
}

func ended(t *testing.T, p *Process) Exit {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		require.Fail(t, "the process has not ended")
	}
	return p.Exit()
}

// lineWith returns the first line that begins with prefix.
func lineWith(t *testing.T, lines <-chan Line, prefix string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line := <-lines:
			if strings.HasPrefix(line.Message, prefix) {
				return line.Message
			}
		case <-deadline:
			require.Fail(t, "no line begins with "+prefix)
		}
	}
}

// pidIn reads "grandchild 123".
func pidIn(t *testing.T, line string) int {
	t.Helper()
	fields := strings.Fields(line)
	pid, err := strconv.Atoi(fields[len(fields)-1])
	require.NoError(t, err)
	return pid
}

// requireGone waits until pid is no process, or a zombie that somebody else has to reap.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		stat, err := readStat(pid)
		return err != nil || stat.dead()
	}, patience, 5*time.Millisecond)
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
