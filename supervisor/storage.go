package main

import (
	"errors"
	"syscall"
	"time"

	"go.uber.org/zap"

	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/store"
)

// openStore opens the storage directory. One that cannot be written is no reason to
// leave the host without telemetry.
func (l *life) openStore() error {
	c := l.config.Storage
	st, incidents, err := openPatiently(c.Directory, store.Options{KeepConfigs: c.KeepConfigs})
	if st == nil {
		return err
	}
	if err != nil {
		l.log.Error("opampd goes on, but what it learns is lost at the next reboot", zap.Error(err))
	}
	l.store, l.lost = st, err
	l.tell(incidents)
	return nil
}

// openPatiently waits for a lock whose owner has died: a child that was just being
// made holds it until it executes its program, and then lets go by itself.
func openPatiently(dir string, opts store.Options) (*store.Store, []store.Incident, error) {
	const longest = time.Second
	for pause := time.Millisecond; ; pause *= 2 {
		st, incidents, err := store.Open(dir, opts)
		var locked *store.LockedError
		if !errors.As(err, &locked) || !errors.Is(syscall.Kill(locked.PID, 0), syscall.ESRCH) || pause > longest {
			return st, incidents, err
		}
		time.Sleep(pause) //nolint:forbidigo // the kernel tells nobody when a lock is free, unless by waiting without a limit
	}
}

func (l *life) tell(incidents []store.Incident) {
	for _, i := range incidents {
		l.log.Warn("a file in the storage directory could not be believed and was put aside",
			zap.String("file", i.File), zap.String("reason", i.Reason), zap.String("moved_to", i.MovedTo))
	}
}

// openOutput opens the file where the Collector's words go.
func (l *life) openOutput() {
	if l.output != nil {
		return
	}
	s := process.LogSettings{Path: l.store.LogPath()}
	if l.config.Agent.PassthroughLogs {
		s.Lines = process.ForwardTo(l.log.Named("collector"))
	}
	l.output = process.OpenLog(s)
	if err := l.output.Err(); err != nil {
		l.log.Warn("the Collector's output is kept in memory only, so the Collector cannot outlive opampd", zap.Error(err))
	}
}
