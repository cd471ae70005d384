package process

import (
	"os"
	"os/signal"
	"syscall"
)

// withDefaultSignals runs fork while no signal that ends or reloads a Collector is ignored or blocked.
//
// An exec keeps ignored signals ignored and blocked ones blocked (man 7 signal). Go resets only the signals that
// it handles, so under nohup, or after signal.Ignore, a child would never see our SIGTERM or SIGHUP (W30). A
// signal that is asked for with Notify is handled, hence reset. Called under the lock of the registry, because
// dispositions belong to the whole program; who wants these signals calls Notify before the first Start.
func withDefaultSignals(fork func() error) error {
	var ignored []os.Signal
	for _, sig := range []os.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
		syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCHLD,
	} {
		if signal.Ignored(sig) {
			ignored = append(ignored, sig)
		}
	}
	if len(ignored) > 0 {
		sink := make(chan os.Signal, 1)
		signal.Notify(sink, ignored...)
		defer signal.Ignore(ignored...) // ends the Notify as well
	}
	return withEmptyMask(fork)
}
