package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"opampd/supervisor/internal/disk"
)

const (
	blobDir        = "blobs"
	remoteDir      = "remote"
	logDir         = "logs"
	stateName      = "state.json"
	runName        = "run.json"
	ledgerName     = "ledger.jsonl"
	effectiveName  = "effective.yaml"
	candidateDir   = "candidates"
	inspectionName = "collector.json"
	upgradeName    = "upgrade.json"
)

// defaultKeepConfigs is the default of storage.keep_configs.
const defaultKeepConfigs = 5

// Options are the settings of a Store. The zero value has the documented defaults.
type Options struct {
	// KeepConfigs is storage.keep_configs: how many generations of good configurations compaction and sweeping leave. 0 means 5.
	KeepConfigs int
	// Fallback are directories to try, in order, when the storage directory cannot be written. Nil means the runtime
	// directory that systemd gave us, /dev/shm and the system's directory for temporary files.
	Fallback []string
}

// Store is one storage directory, owned by this process. All methods may be called from several goroutines.
type Store struct {
	// mu is there because two lanes share a Store: one may ask for a verdict or put a blob while the other records one.
	// Both halves of each of these (the file, what is known of it in memory) must change together.
	mu         sync.Mutex
	keeper     disk.Keeper
	former     []string // where an opampd with the same storage.directory may have lived before
	durable    bool
	keep       int
	ledger     ledger
	fresh      map[string]bool // blobs put by this process and not judged yet: never swept
	candidates []string        // prepared configurations, oldest first
	promoted   promoted        // what is effective by this process
	closers    []func() error  // in this order
}

// Open takes possession of the storage directory dir, which is created with mode 0700 (its parents with 0755).
//
// What an opampd that had to do without dir left in a fallback is brought back from there if it is newer.
//
// Files found damaged are moved aside and returned as incidents; they are no error. The errors are:
//
//   - [*LockedError]: another opampd has the directory. The Store is nil.
//   - [*UnwritableError]: the directory is full, read-only or not ours. The Store is not nil: it lives in a directory that
//     is lost at reboot (or in memory) and begins with a copy of what could be read, so that the daemon keeps its identity
//     and the last known good configuration on a full disk. [Store.Durable] is false then.
func Open(dir string, opts Options) (*Store, []Incident, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, &UnwritableError{Dir: dir, Err: err}
	}
	d, err := openDirectory(dir)
	if err == nil {
		err = reclaim(d, opts)
	}
	if err == nil {
		s := newStore(disk.Dir{Root: d.root}, dir, opts)
		s.durable, s.former, s.closers = true, otherPlaces(dir, dir, opts), []func() error{d.close}
		return s, s.Incidents(), nil
	}
	if _, locked := errors.AsType[*LockedError](err); locked {
		return nil, nil, errors.Join(err, d.close())
	}
	s, fallbackErr := openFallback(d, opts)
	if fallbackErr != nil {
		return nil, nil, fallbackErr
	}
	return s, s.Incidents(), &UnwritableError{Dir: dir, Used: s.keeper.Dir, Err: err}
}

// Over is a Store on files that are open already, and that nobody else uses; for tests whose disks crash.
func Over(f disk.Files, opts Options) *Store { return newStore(f, "", opts) }

// newStore reads what is in f. It cannot fail: what is unreadable becomes an incident.
func newStore(f disk.Files, dir string, opts Options) *Store {
	s := &Store{keeper: disk.Keeper{Files: f, Dir: dir, Now: time.Now}, keep: opts.KeepConfigs, fresh: map[string]bool{}}
	if s.keep <= 0 {
		s.keep = defaultKeepConfigs
	}
	s.check(stateName)
	s.check(runName)
	s.openLedger()
	return s
}

// Close gives the directory free for another process. The Store must not be used afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, closer := range s.closers {
		errs = append(errs, closer())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Durable says whether what is saved outlives a reboot: true but for a Store opened with an [*UnwritableError].
func (s *Store) Durable() bool { return s.durable }

// FormerPlaces are other directories in which an opampd with the same storage.directory may have lived: a Collector that it
// started has its configuration there.
func (s *Store) FormerPlaces() []string { return s.former }

// Incidents returns the damaged files found since the last call, oldest first, and forgets them.
func (s *Store) Incidents() []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keeper.Incidents()
}

// Path is the absolute path of something in the storage directory, empty when there is no directory but memory alone. It
// creates nothing.
func (s *Store) Path(elem ...string) string { return s.keeper.Path(elem...) }

// LogPath is where the Collector's output goes, logs/collector.log; empty as for Path. Its directory is created with mode
// 0700; when that fails, so will opening the file, with the same cause, and that is the place to report it.
func (s *Store) LogPath() string {
	if s.keeper.Dir != "" {
		_ = os.MkdirAll(s.Path(logDir), 0o700)
	}
	return s.Path(logDir, "collector.log")
}
