package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// daemon is an opampd that was started.
type daemon struct {
	pid     int
	started time.Time
	exited  chan struct{} // closed when it has ended
	ended   time.Time     // then
}

// launch starts opampd in a process group of its own, so that Ctrl-C reaches only this program, which ends it.
func launch(program, config, log string) (*daemon, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a log: %w", err)
	}
	defer out.Close() //nolint:errcheck // the child has its own
	cmd := exec.Command(program, "run", "--config", config)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "OPAMPD_") { // they are settings of opampd
			cmd.Env = append(cmd.Env, variable)
		}
	}
	d := &daemon{started: time.Now(), exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start opampd: %w", err)
	}
	d.pid = cmd.Process.Pid
	go func() {
		_ = cmd.Wait() // how it ended is not what is measured
		d.ended = time.Now()
		close(d.exited)
	}()
	return d, nil
}

// end sends a signal and waits until the process has ended. It returns how long that took.
func (d *daemon) end(sig syscall.Signal) (time.Duration, error) {
	select {
	case <-d.exited:
		return 0, errors.New("opampd had ended by itself")
	default:
	}
	asked := time.Now()
	if err := syscall.Kill(d.pid, sig); err != nil {
		return 0, fmt.Errorf("send opampd %s: %w", sig, err)
	}
	select {
	case <-d.exited:
		return d.ended.Sub(asked), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("opampd did not end within %s of %s", patience, sig)
	}
}

// stop ends it in order, by force if need be.
func (d *daemon) stop() {
	select {
	case <-d.exited:
	default:
		if _, err := d.end(syscall.SIGTERM); err != nil {
			_, _ = d.end(syscall.SIGKILL)
		}
	}
}
