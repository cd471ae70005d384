package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Holding returns the processes that were started with `--config path` and have the named variable in their
// environment, dead ones left out. The same path in another container is another file and does not count. It finds
// a child when all that was written down of it is lost. What one of them is just making looks like it until it
// executes its own program, and is left out: the Collector asks lsb_release when it starts.
func Holding(path, variable string) []Record {
	var found []Record
	parents := map[int]int{}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well formed
	for _, line := range lines {
		argv, err := os.ReadFile(line)
		if err != nil || !bytes.Contains(argv, []byte("\x00--config\x00"+path+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(line)))
		if err != nil || pid == os.Getpid() || !sees(pid, filepath.Dir(path)) || !has(pid, variable) {
			continue
		}
		if record, stat, err := identify(pid); err == nil && !stat.dead() {
			found, parents[pid] = append(found, record), stat.parent
		}
	}
	return slices.DeleteFunc(found, func(r Record) bool {
		_, child := parents[parents[r.PID]]
		return child
	})
}

// sees reports whether dir is the same directory for a process as for us.
func sees(pid int, dir string) bool {
	ours, err1 := os.Stat(dir)
	theirs, err2 := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, dir))
	return err1 == nil && err2 == nil && os.SameFile(ours, theirs)
}

func has(pid int, variable string) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+variable+"="))
}
