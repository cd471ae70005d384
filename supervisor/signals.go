package main

import (
	"context"
	"os"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/service"
)

// catch turns signals into events until ctx ends. What it returns is called after
// the loop's end and says with which configuration to live on, nil for not at all,
// and how many signals to stop there were.
func (l *life) catch(ctx context.Context, o *options, signals <-chan os.Signal) func() (*config.Loaded, int) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	var loaded *config.Loaded
	stops := 0
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				switch s {
				case syscall.SIGHUP:
					if fresh := l.reread(o); fresh != nil {
						loaded = fresh
						l.engine.Post(ctx, core.ReloadRequested{})
					}
				case syscall.SIGUSR1:
					l.dump(ctx)
				case syscall.SIGUSR2:
					l.obey(ctx)
				default:
					l.log.Info("stopping", zap.Stringer("signal", s), zap.Bool("at_once", stops > 0))
					service.Stopping()
					l.engine.Post(ctx, core.ShutdownRequested{Force: stops > 0})
					stops++
				}
			}
		}
	}()
	return func() (*config.Loaded, int) {
		cancel()
		<-ended
		return loaded, stops
	}
}

// reread loads supervisor.yaml again. A wrong one changes nothing, and neither does one
// that names files which are not there: the Collector that runs is better than none.
func (l *life) reread(o *options) *config.Loaded {
	loaded, err := o.load(true)
	if err != nil {
		l.log.Error("the configuration was not read again; opampd goes on with the old one", zap.Error(err))
		return nil
	}
	service.Reloading()
	return loaded
}

// dump writes the last events where a bug report can pick them up.
func (l *life) dump(ctx context.Context) {
	view, ok := l.engine.View(ctx)
	path := l.store.Path("events.txt")
	if !ok || path == "" {
		return
	}
	text := "> " + strings.Join(view.Events, "\n> ") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.log.Warn("the last events could not be written", zap.Error(err))
		return
	}
	l.log.Info("wrote the last events", zap.String("file", path))
}
