package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"opampd/supervisor/internal/process"
)

// runDaemon lives one life after the other: a life ends with the daemon, or with
// SIGHUP, after which the next one takes the running Collector over.
func runDaemon(ctx context.Context, o *options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	go process.Reap(ctx) // as PID 1 of a container; ends with ctx

	left := &legacy{}
	defer left.close()
	loaded, err := o.load(false)
	for err == nil && loaded != nil {
		loaded, err = live(ctx, o, loaded, signals, left)
	}
	return err
}
