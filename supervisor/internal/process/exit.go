package process

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Exit is how a process ended.
type Exit struct {
	Code        int    // exit code when it ended by itself
	Signal      string // name of the signal that ended it ("SIGKILL"), empty for none
	CoreDump    bool
	OutOfMemory bool      // killed while the kernel counted an out-of-memory kill in our cgroup
	Unknown     bool      // it was not our child: nobody told us how it ended
	At          time.Time // when it was noticed
	Tail        string    // the last lines of its output, cleaned, at most 8 KiB
}

// Success reports whether the process is known to have ended by itself with code 0.
func (e Exit) Success() bool { return !e.Unknown && e.Signal == "" && e.Code == 0 }

// String says it in words: "exited with code 1", "killed by signal 9 (SIGKILL)".
func (e Exit) String() string {
	if e.Unknown {
		return "ended, how is not known because it was started by an earlier run"
	}
	if e.Signal == "" {
		return fmt.Sprintf("exited with code %d", e.Code)
	}
	text := "killed by " + e.Signal
	if number := unix.SignalNum(e.Signal); number != 0 {
		text = fmt.Sprintf("killed by signal %d (%s)", number, e.Signal)
	}
	if e.CoreDump {
		text += ", core dumped"
	}
	if e.OutOfMemory {
		text += ", possibly out of memory"
	}
	return text
}

func exitOf(status unix.WaitStatus) Exit {
	if !status.Signaled() {
		return Exit{Code: status.ExitStatus()}
	}
	name := unix.SignalName(status.Signal())
	if name == "" { // a real-time signal
		name = fmt.Sprintf("signal %d", int(status.Signal()))
	}
	return Exit{Signal: name, CoreDump: status.CoreDump()}
}

// ExitError is a command that ran and did not succeed.
type ExitError struct {
	Path string
	Exit Exit
}

// Error names the command and how it ended; what it said is in Exit.Tail.
func (e *ExitError) Error() string { return e.Path + " " + e.Exit.String() }
