// This file takes the place of collector/main_others.go, by go build -overlay, and makes the
// Collector another release for the end-to-end tests: of another version, and as bad as
// what is appended to the program says. Bytes behind the end of an ELF file are harmless.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
)

// version is stamped by the linker.
var version = "0.0.0"

const (
	// marker begins what is appended: one object in JSON, of at most trailer bytes.
	marker  = "\n#release "
	trailer = 4 << 10
)

// release is what is appended.
type release struct {
	Version string `json:"version"`
	// Fault is what a Collector does wrong when it is run: crash; hang (stopped); mute
	// (its connections are cut, and it is stopped); stuck (never starts, nor heeds
	// SIGTERM); deaf (does not heed SIGTERM); without:TYPE (has no such component).
	Fault string `json:"fault"`
	// When is when: empty for before the start, else the named pipe that tells.
	When string `json:"when"`
	// Trace is a file that each call is written to.
	Trace string `json:"trace"`
}

func run(params otelcol.CollectorSettings) error {
	r, err := appended()
	if err != nil {
		return err
	}
	params.BuildInfo.Version = version
	if r.Version != "" {
		params.BuildInfo.Version = r.Version
	}
	if err := r.trace(); err != nil {
		return err
	}
	if missing, ok := strings.CutPrefix(r.Fault, "without:"); ok {
		params.Factories = without(params.Factories, component.MustNewType(missing))
	}
	if len(os.Args) > 1 && os.Args[1] == "--config" { // it is run, and not asked
		r.fail(&params)
	}
	return runInteractive(params)
}

// appended reads what is behind the program.
func appended() (release, error) {
	var r release
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return r, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	end := make([]byte, trailer)
	if _, err := f.ReadAt(end, info.Size()-trailer); err != nil {
		return r, err
	}
	_, text, found := bytes.Cut(end, []byte(marker))
	if !found {
		return r, nil
	}
	return r, json.Unmarshal(text, &r)
}

func (r release) trace() error {
	if r.Trace == "" {
		return nil
	}
	f, err := os.OpenFile(r.Trace, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, strings.Join(os.Args[1:], " "))
	return err
}

// fail does what is wrong with the release, now or when it is told to.
func (r release) fail(params *otelcol.CollectorSettings) {
	switch {
	case r.Fault == "deaf":
		signal.Ignore(syscall.SIGTERM)
		params.DisableGracefulShutdown = true
	case r.When == "":
		r.act()
	default:
		go func() {
			pipe, err := os.Open(r.When) // waits for the writer (man 7 fifo)
			if err != nil {
				panic(err)
			}
			pipe.Close()
			r.act()
		}()
	}
}

func (r release) act() {
	switch r.Fault {
	case "crash":
		fmt.Fprintln(os.Stderr, "panic: this-release-is-broken")
		os.Exit(3)
	case "mute":
		for fd := 3; fd < 1024; fd++ {
			if _, err := syscall.Getpeername(fd); err == nil { // not those who listen
				_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
			}
		}
		stop()
	case "hang":
		stop()
	case "stuck":
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Hour)
	}
}

func stop() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

// without leaves a component out.
func without(all func() (otelcol.Factories, error), missing component.Type) func() (otelcol.Factories, error) {
	return func() (otelcol.Factories, error) {
		f, err := all()
		drop(f.Receivers, missing)
		drop(f.Processors, missing)
		drop(f.Exporters, missing)
		drop(f.Extensions, missing)
		for _, modules := range []map[component.Type]string{f.ReceiverModules, f.ProcessorModules, f.ExporterModules, f.ExtensionModules} {
			drop(modules, missing) // what the opamp extension tells of
		}
		return f, err
	}
}

func drop[T any](factories map[component.Type]T, missing component.Type) {
	maps.DeleteFunc(factories, func(have component.Type, _ T) bool { return have == missing })
}
