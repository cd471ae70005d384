package process

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sweepEvery bounds how long a zombie stays that was missed: the kernel's list of children may leave one out
// while others come and go (man 5 proc_tid_children).
const sweepEvery = 30 * time.Second

// Reap buries the dead children that nobody in this program waits for, until ctx ends. It returns at once when
// this program is neither PID 1 nor a subreaper (man 2 prctl), as whoever executed it may have made it. Children
// started by other means than this package (os/exec) lose their exit status to it: start all of them here.
func Reap(ctx context.Context) {
	if os.Getpid() != 1 && !isSubreaper() {
		return
	}
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	defer signal.Stop(died)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		for children.sweep(listChildren, bury) > 0 { // again: the list may have been incomplete
		}
		select {
		case <-ctx.Done():
			return
		case <-died:
		case <-ticker.C:
		}
	}
}

func isSubreaper() bool {
	var on int32
	_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER,
		uintptr(unsafe.Pointer(&on)), 0) //nolint:gosec // x/sys has no getter
	return errno == 0 && on != 0
}

// bury reaps pid if it is a zombie.
func bury(pid int) bool {
	var status unix.WaitStatus
	reaped, err := wait4(pid, &status)
	return err == nil && reaped == pid
}

// listChildren asks each of our threads for its children, or all of /proc where the kernel has no such list.
func listChildren() []int {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		return scanChildren()
	}
	var pids []int
	for _, list := range lists {
		data, _ := os.ReadFile(list) // a thread that has ended has no children
		for field := range strings.FieldsSeq(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func scanChildren() []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	var pids []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if stat, err := readStat(pid); err == nil && stat.parent == os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
