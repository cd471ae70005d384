package main

import (
	"context"
	"errors"
	"reflect"
	"time"

	"go.uber.org/zap"

	"opampd/supervisor/internal/agent"
	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/telemetry"
)

// legacy is what one life leaves to the next: the Collector, and the log that it
// writes to. The log keeps the settings of the first life.
type legacy struct {
	output *process.Log
	heir   *agent.Heir
	stops  int // signals to stop that came when the life before had ended already

	lived     *config.Loaded // the configuration of the life before
	complaint error          // why the one after it was given up

	log     *zap.Logger
	logged  telemetry.LogSettings // what log was made of
	closers []func()
}

// fallBack answers a configuration that cannot be lived with although it reads well
// (a log that cannot be opened, a storage directory that is in use): the one before
// takes over again, Collector and all. Without one the Collector is stopped, for
// nobody would be left to look after it.
func (l *legacy) fallBack(ctx context.Context, cause error) (*config.Loaded, error) {
	if lived := l.lived; lived != nil {
		l.lived, l.complaint = nil, cause
		return lived, nil
	}
	if l.heir == nil {
		return nil, cause
	}
	ctx, cancel := context.WithTimeout(ctx, orphanTimeout)
	defer cancel()
	return nil, errors.Join(cause, l.heir.End(ctx, orphanTimeout/2))
}

// orphanTimeout bounds the end of a Collector that opampd cannot go on with.
const orphanTimeout = 20 * time.Second

// close lets go of the log.
func (l *legacy) close() {
	if l.output != nil {
		l.output.Close()
	}
	for _, closeLog := range l.closers {
		closeLog()
	}
}

// logger returns the log of the life before when it is to be as that was, and a new
// one otherwise. The old one stays open: the Collector's words may still go there.
func (l *life) logger() (*zap.Logger, error) {
	c := l.config.Telemetry.Logs
	settings := telemetry.LogSettings{Level: c.Level, Encoding: c.Encoding, OutputPaths: c.OutputPaths, ErrorOutput: c.ErrorOutputPaths}
	if l.legacy.log != nil && reflect.DeepEqual(settings, l.logged) {
		return l.legacy.log, nil
	}
	log, closeLog, err := telemetry.NewLogger(settings)
	if err != nil {
		return nil, err
	}
	l.legacy.log, l.logged, l.closers = log, settings, append(l.closers, closeLog)
	return log, nil
}
