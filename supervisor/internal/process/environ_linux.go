package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// WithEnvironment returns the record of the process whose environment holds the given NAME=value, which must be
// unique (a secret token). It finds a child that was started by a program which died before it could write down
// whom it had started. The error is ErrGone when there is none.
func WithEnvironment(assignment string) (Record, error) {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well formed
	for _, path := range paths {
		environ, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+assignment+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if record, stat, err := identify(pid); err == nil && !stat.dead() {
			return record, nil
		}
	}
	return Record{}, fmt.Errorf("find a process by its environment: %w", ErrGone)
}
