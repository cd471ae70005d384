package process

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// oomCounter is the number of out-of-memory kills in a cgroup at some time. The zero value never grows.
type oomCounter struct {
	file  string // memory.events of cgroup v2
	kills int
}

// countOOM reads the counter of our own cgroup, which our children share.
func countOOM() oomCounter {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return oomCounter{}
	}
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			c := oomCounter{file: filepath.Join("/sys/fs/cgroup", path, "memory.events")}
			c.kills = readKills(c.file)
			return c
		}
	}
	return oomCounter{}
}

func (c oomCounter) grown() bool { return c.file != "" && readKills(c.file) > c.kills }

func readKills(file string) int {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		if count, ok := strings.CutPrefix(scanner.Text(), "oom_kill "); ok {
			n, _ := strconv.Atoi(count)
			return n
		}
	}
	return 0
}
