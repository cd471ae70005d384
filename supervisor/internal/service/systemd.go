// Package service knows what runs the daemon: it tells systemd how the daemon is, and a container from a machine.
// Without systemd there is nobody to tell, and nothing happens.
package service

import (
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Ready says that the daemon is up, also after a reload (man sd_notify, READY=1).
func Ready() { notify(daemon.SdNotifyReady) }

// Stopping says that the daemon is on its way out.
func Stopping() { notify(daemon.SdNotifyStopping) }

// Reloading says that the daemon reads its configuration again; Ready ends it.
func Reloading() {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, ts.Nano()/1000))
}

// Status shows a line in `systemctl status`.
func Status(line string) { notify("STATUS=" + line) }

// Alive feeds the watchdog. It belongs into the event loop and nowhere else: a
// goroutine of its own would prove nothing about the loop.
func Alive() { notify(daemon.SdNotifyWatchdog) }

// AliveEvery is how often Alive is due: a third of the watchdog's patience, or the
// fallback without a watchdog.
func AliveEvery(fallback time.Duration) time.Duration {
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil || patience == 0 {
		return fallback
	}
	return min(patience/3, fallback)
}

func notify(state string) { _, _ = daemon.SdNotify(false, state) }
