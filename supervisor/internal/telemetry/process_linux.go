package telemetry

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// ownUsage reads proc_pid_statm(5), whose second field is resident pages, and getrusage(2).
func ownUsage() (usage, bool) {
	statm, err := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(statm)
	if err != nil || len(fields) < 2 {
		return usage{}, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	var r syscall.Rusage
	if err != nil || syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return usage{}, false
	}
	return usage{
		memory: pages * int64(os.Getpagesize()),
		user:   time.Duration(r.Utime.Nano()), system: time.Duration(r.Stime.Nano()),
	}, true
}
