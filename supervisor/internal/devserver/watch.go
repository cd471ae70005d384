package devserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settleTime is how long the configuration must be left alone before it is read: saving one file is several events.
	settleTime = 100 * time.Millisecond
	// copyTime is how long a package must not have grown: a copy may pause, and a large part of it may be a single event.
	copyTime = time.Second
	// signatureTime is how long a new package waits for its signature, which is copied after it: an agent that is offered the one
	// without the other reports a failure.
	signatureTime = 2 * time.Second
	// quietTime is how long an agent on plain HTTP may not poll before it counts as gone: three default intervals (S-021).
	quietTime = 90 * time.Second

	configDir   = "config"
	packagesDir = "packages"
	agentsDir   = "agents"
	restartFile = "restart"
)

// watch creates the directories that are missing and watches those that offers come from: config, packages, and dir itself, for
// either may be replaced as a whole. Directories of agents are added as agents turn up.
func watch(dir string) (*fsnotify.Watcher, error) {
	for _, sub := range []string{configDir, packagesDir, agentsDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("cannot create the directory that drives the server; choose another with --dir: %w", err)
		}
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	for _, path := range []string{dir, filepath.Join(dir, configDir), filepath.Join(dir, packagesDir)} {
		if err := watcher.Add(path); err != nil {
			_ = watcher.Close()
			return nil, fmt.Errorf("watch %s: %w", path, err)
		}
	}
	return watcher, nil
}

// run is the loop: one call of a connection or one event of the directory at a time, until ctx ends.
func (f *fleet) run(ctx context.Context, calls <-chan func(), watcher *fsnotify.Watcher) {
	f.reload(true)
	f.restock(false)
	config, packages := stopped(), stopped()
	patient := true // about a signature that is not there yet, or a copy under way
	quiet := time.NewTicker(quietTime / 3)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case call := <-calls:
			call()
		case event := <-watcher.Events:
			switch f.touched(event) {
			case configDir:
				config.Reset(settleTime)
			case packagesDir:
				packages.Reset(settleTime)
				patient = true
			}
		case err := <-watcher.Errors:
			f.out.say(bad, "changes may have been missed, so configuration and packages are read again: %v", err)
			config.Reset(settleTime)
			packages.Reset(settleTime)
		case <-config.C:
			f.reload(false)
		case <-packages.C:
			if again := f.restock(patient); again > 0 {
				packages.Reset(again)
				patient = again != signatureTime
			}
		case now := <-quiet.C:
			f.dropQuiet(now)
		}
	}
}

func stopped() *time.Timer {
	t := time.NewTimer(0)
	t.Stop()
	return t
}

// touched acts on an event in an agent's directory and says which of the offers, named by its directory, the event may have changed.
func (f *fleet) touched(event fsnotify.Event) string {
	for _, sub := range []string{configDir, packagesDir} {
		switch dir := filepath.Join(f.dir, sub); dir {
		case event.Name: // another directory may stand there now
			_ = f.watcher.Remove(dir)
			_ = f.watcher.Add(dir)
			return sub
		case filepath.Dir(event.Name):
			return sub
		}
	}
	if filepath.Base(event.Name) == restartFile {
		f.restartAsked(filepath.Base(filepath.Dir(event.Name)))
	}
	return ""
}
