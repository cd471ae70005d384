package release

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	"opampd/supervisor/internal/disk"
)

const (
	maxLog   = 256 << 10 // bytes of a log that are kept, the last ones
	keepLogs = 3         // logs that are kept, the last written ones
)

// KeepLog keeps the end of the output of a release that failed, as failed/<sha256>.log: what the next one writes, and
// cleaning up, would leave nobody able to say why (peers.md 2.3, #2262). Of one release the last is kept, and of the others a few.
func (r *Releases) KeepLog(sha string, output []byte) error {
	if err := guard(sha); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.makeDir(failedDir); err != nil {
		return err
	}
	name := path.Join(failedDir, sha+".log")
	if err := disk.Replace(r.tree, name, output[max(0, len(output)-maxLog):]); err != nil {
		return r.failed("keep", name, err)
	}
	return r.pruneLogs()
}

func (r *Releases) pruneLogs() error {
	logs, err := r.tree.Entries(failedDir)
	if err != nil {
		return r.failed("look into", failedDir, err)
	}
	logs = slices.DeleteFunc(logs, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), ".log") })
	slices.SortStableFunc(logs, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, log := range logs[min(keepLogs, len(logs)):] {
		name := path.Join(failedDir, log.Name())
		if err := disk.RemoveTree(r.tree, name); err != nil {
			return r.failed("remove", name, err)
		}
	}
	return nil
}
