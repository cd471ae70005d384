package upstream

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"opampd/supervisor/internal/remoteconfig"
)

// What a server may make us keep, in bytes. Hashes, destinations and capabilities
// stay in memory and are written with each change of state; custom messages wait for
// the Collector.
const (
	maxHash          = 1 << 10
	maxDestination   = 64 << 10
	maxCapabilities  = 64 << 10
	maxCustomMessage = 1 << 20
	// maxStored is what may touch the disk; what may be applied is a setting of the
	// agent, and less.
	maxStored = 16 << 20
)

const (
	// renamePause is the least time between two new names: each reloads the Collector,
	// and no grant is needed for it.
	renamePause    = 10 * time.Minute
	complaintPause = time.Minute
)

// restraint is what was asked of us too often, or may be.
type restraint struct {
	renamed    bool // during this connection
	renamedAt  time.Time
	uid        uuid.UUID            // given last
	complained map[string]time.Time // by subject
}

func (r *restraint) mayRename() bool {
	return !r.renamed && time.Since(r.renamedAt) >= renamePause
}

// complain warns, once a minute about each subject: a server can repeat itself as
// fast as the network is. There are only a few subjects.
func (l *Lane) complain(subject, message string) {
	r := &l.restraint
	if time.Since(r.complained[subject]) < complaintPause {
		return
	}
	if r.complained == nil {
		r.complained = map[string]time.Time{}
	}
	r.complained[subject] = time.Now()
	l.Warn(message)
}

// oversize says why an offer is too large to be kept, or nothing.
func oversize(hash []byte, files []remoteconfig.File) string {
	if len(hash) > maxHash {
		return fmt.Sprintf("the config_hash has %d bytes, at most %d are taken", len(hash), maxHash)
	}
	size := 0
	for _, f := range files {
		size += len(f.Name) + len(f.Type) + len(f.Body)
	}
	if size > maxStored {
		return fmt.Sprintf("the configuration has %d bytes, at most %d are taken", size, maxStored)
	}
	return ""
}
