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
	// quietTime is how long an agent on plain HTTP may not poll before it counts as gone: three default intervals (S-021).
	quietTime = 90 * time.Second

	configDir   = "config"
	agentsDir   = "agents"
	restartFile = "restart"
)

// watch creates the directories that are missing and watches the two that configuration comes from: config, and dir itself, for
// config may be replaced as a whole. Directories of agents are added as agents turn up.
func watch(dir string) (*fsnotify.Watcher, error) {
	for _, sub := range []string{configDir, agentsDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("cannot create the directory that drives the server; choose another with --dir: %w", err)
		}
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	for _, path := range []string{dir, filepath.Join(dir, configDir)} {
		if err := watcher.Add(path); err != nil {
			_ = watcher.Close()
			return nil, fmt.Errorf("watch %s: %w", path, err)
		}
	}
	return watcher, nil
}

// run is the loop: one call of a connection or one event of the directory at a time, until ctx ends.
func (f *fleet) run(ctx context.Context, calls <-chan func(), watcher *fsnotify.Watcher) {
	f.reload(ctx, true)
	settled := time.NewTimer(0)
	settled.Stop()
	quiet := time.NewTicker(quietTime / 3)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case call := <-calls:
			call()
		case event := <-watcher.Events:
			if f.touched(ctx, event) {
				settled.Reset(settleTime)
			}
		case err := <-watcher.Errors:
			f.out.say(bad, "changes may have been missed, so the configuration is read again: %v", err)
			settled.Reset(settleTime)
		case <-settled.C:
			f.reload(ctx, false)
		case now := <-quiet.C:
			f.dropQuiet(now)
		}
	}
}

// touched acts on an event in an agent's directory and says whether the event may have changed the configuration.
func (f *fleet) touched(ctx context.Context, event fsnotify.Event) bool {
	config := filepath.Join(f.dir, configDir)
	switch {
	case event.Name == config: // another directory may stand there now
		_ = f.watcher.Remove(config)
		_ = f.watcher.Add(config)
		return true
	case filepath.Dir(event.Name) == config:
		return true
	case filepath.Base(event.Name) == restartFile:
		f.restartAsked(ctx, filepath.Base(filepath.Dir(event.Name)))
	}
	return false
}
