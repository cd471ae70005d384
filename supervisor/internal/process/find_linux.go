package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Record identifies the process for a later Find. Take it when the child has come up: while a shim is between
// us and the program, the executable is the shim. The zero Record means that the process has ended.
func (p *Process) Record() Record {
	record, stat, err := identify(p.pid)
	if err != nil || stat.start != p.handle.start {
		return Record{}
	}
	return record
}

// Find takes back the process of a Record: a Collector that outlived the program which started it, or our own
// child after this program replaced itself by exec. Its output goes on into log, which is where Exit.Tail is
// read from (nil: none). It returns ErrGone when the process has ended (a zombie of ours is reaped) and
// ErrForeign when another has its pid.
func Find(r Record, log *Log) (*Process, error) {
	if r.PID <= 1 || r.PID == os.Getpid() {
		return nil, fmt.Errorf("find process %d: %w", r.PID, ErrForeign)
	}
	h := openHandle(r.PID) // before the look at who it is: from here on it is this one or none
	found, stat, err := identify(r.PID)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
		h.close()
		return nil, fmt.Errorf("find process %d: %w", r.PID, ErrGone)
	case err != nil:
		h.close()
		return nil, err
	}
	return h.adopt(r, found, stat, log)
}

func (h *handle) adopt(r, found Record, stat procStat, log *Log) (*Process, error) {
	h.start = stat.start
	sameStart := found.StartTime == r.StartTime && found.BootID == r.BootID
	if sameStart && stat.dead() { // a zombie has no executable to compare
		if stat.parent == os.Getpid() {
			h.reap()
		}
		h.close()
		return nil, fmt.Errorf("find process %d: %w", r.PID, ErrGone)
	}
	if !found.sameProcess(r) {
		h.close()
		return nil, fmt.Errorf("find process %d (%s), which is %s now: %w", r.PID, r.Executable, found.Executable, ErrForeign)
	}
	if _, err := children.keep(func() (*handle, error) { return h, nil }); err != nil {
		return nil, err
	}
	p := &Process{pid: r.PID, handle: h, started: stat.startedAt(), ooms: countOOM(), done: make(chan struct{})}
	go p.watch(log.finish)
	return p, nil
}

// identify reads who has pid now. The executable of another user's process cannot be read: it stays empty, in
// the record as in the comparison.
func identify(pid int) (Record, procStat, error) {
	stat, err := readStat(pid)
	if err != nil {
		return Record{}, stat, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Record{}, stat, fmt.Errorf("read the id of this boot: %w", err)
	}
	record := Record{PID: pid, StartTime: stat.start, BootID: strings.TrimSpace(string(boot))}
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	if path, err := os.Readlink(exe); err == nil {
		record.Executable = strings.TrimSuffix(path, " (deleted)")
	}
	var file unix.Stat_t
	if err := unix.Stat(exe, &file); err == nil {
		record.Device, record.Inode = file.Dev, file.Ino
	}
	return record, stat, nil
}
