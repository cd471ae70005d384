package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// mentioning returns the processes whose command line has a text in it, by man proc_pid_cmdline. It needs /proc, so what is
// measured with it is measured on Linux only.
func mentioning(text string) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		return nil, errors.New("processes can be found by /proc only")
	}
	var pids []int
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(line, []byte(text)) { // it may have ended
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// killAll ends processes of this run, which nobody else will.
func killAll(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// memory is what a process holds, in bytes.
type memory struct{ resident, proportional, anonymous int64 }

func (m memory) String() string {
	return fmt.Sprintf("%s (Pss %s, anonymous %s)", mb(m.resident), mb(m.proportional), mb(m.anonymous))
}

// memoryOf reads man proc_pid_status and proc_pid_smaps.
func memoryOf(pid int) (memory, error) {
	var m memory
	err := errors.Join(
		kilobytes(fmt.Sprintf("/proc/%d/status", pid), map[string]*int64{"VmRSS": &m.resident, "RssAnon": &m.anonymous}),
		kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), map[string]*int64{"Pss": &m.proportional}),
	)
	return m, err
}

// kilobytes fills in values, in bytes, of a file with lines such as "VmRSS:  1234 kB".
func kilobytes(path string, values map[string]*int64) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read memory: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if value := values[name]; value != nil {
			number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			kb, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return fmt.Errorf("read memory: %s: %w", path, err)
			}
			*value = kb * 1024
		}
	}
	return lines.Err() //nolint:wrapcheck // of a file that was there
}

// loadAverage is what else the machine had to do, by man proc_loadavg; "unknown" without /proc.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if first, _, ok := strings.Cut(string(text), " "); ok && err == nil {
		return first
	}
	return "unknown"
}
