package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"opampd/supervisor/internal/process"
)

// gcPercent trades a little processor time for memory: the daemon idles for most of
// its life, and nobody should have to budget for it.
const gcPercent = 40

// runDaemon lives one life after the other: a life ends with the daemon, or with
// SIGHUP, after which the next one takes the running Collector over.
func runDaemon(ctx context.Context, o *options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	go process.Reap(ctx) // as PID 1 of a container; ends with ctx

	left := &legacy{}
	defer left.close()
	loaded, err := o.load(false)
	if err != nil {
		return err
	}
	for loaded != nil {
		next, err := live(ctx, o, loaded, signals, left)
		if err != nil {
			if loaded, err = left.fallBack(ctx, err); err != nil {
				return err
			}
			continue
		}
		left.lived, loaded = loaded, next
	}
	return nil
}
