package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// procStat is the part of /proc/PID/stat that tells one process from another (man 5 proc_pid_stat).
type procStat struct {
	state  byte   // field 3
	parent int    // field 4
	start  uint64 // field 22: clock ticks since boot
}

func readStat(pid int) (procStat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	stat, ok := parseStat(data)
	if !ok {
		return procStat{}, fmt.Errorf("look at process %d: /proc/%d/stat is not understood", pid, pid)
	}
	return stat, nil
}

// parseStat skips the name in field 2, which may hold blanks and parentheses of its own.
func parseStat(data []byte) (procStat, bool) {
	const state, parent, start = 0, 1, 19 // fields 3, 4 and 22, counted from field 3
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) <= start || len(fields[state]) != 1 {
		return procStat{}, false
	}
	ppid, err1 := strconv.Atoi(string(fields[parent]))
	ticks, err2 := strconv.ParseUint(string(fields[start]), 10, 64)
	return procStat{state: fields[state][0], parent: ppid, start: ticks}, err1 == nil && err2 == nil
}

// dead is a zombie, or a process about to disappear.
func (s procStat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// startedAt turns ticks since boot into a time. The kernel shows 100 ticks per second to every program.
func (s procStat) startedAt() time.Time {
	const tick = time.Second / 100
	var sinceBoot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &sinceBoot); err != nil {
		return time.Now()
	}
	age := time.Duration(sinceBoot.Nano()) - time.Duration(s.start)*tick //nolint:gosec // ticks of 290 years fit
	return time.Now().Add(-age)
}
