// Command bench measures opampd against its budgets and prints one table. A figure that misses its budget is called a miss and
// is no failure; only what could not be measured at all is.
//
// # Method
//
// Every measurement starts an opampd of its own in an empty directory, with the real Collector below it, and an OpAMP server and
// a receiver of telemetry beside it that are part of this program. All of it is on the loopback of one machine, in one run. Time
// is taken where a thing is seen: a status counts when the server has read the message, an outage is seen by the senders.
//
// Telemetry is sent at 500 requests/s as an open loop: a request leaves when its time has come, whatever became of those before
// it. One request is one span with a number; nothing is sent twice by the sender. The Collector takes it in by OTLP/HTTP (or gRPC), batches
// for 50 ms and hands it on by OTLP/HTTP. An outage is the time from the last request that was answered before a failed one to the
// first that was answered after it, the longest one for each event; it is 0 when no request failed. "Lost" are spans that the
// Collector had accepted and that never came out of it.
//
// The first row is a control, in which nothing happens: what it shows as slow is the machine, and so are differences of that size
// in other rows. Each event is repeated -n times, those of gRPC and kills of opampd half as often.
//
// Each configuration that is offered differs in meaning from all before it, so that nothing can be answered from memory.
// Memory is what the kernel says (VmRSS, Pss) and a lower bound where it reclaims pages. 1 MB is 10^6 bytes.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// atMost bounds the whole run.
const atMost = 10 * time.Minute

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// bench is what every measurement works with.
type bench struct {
	opampd, collector string // absolute paths
	n                 int    // repeats
	dir               string // everything is below it
}

// measurement answers one question with rows of the table. Rows that it has when it fails are shown all the same.
type measurement struct {
	name    string
	measure func(context.Context, *bench) ([]row, error)
}

func measurements() []measurement {
	return []measurement{
		{"control", measureControl},
		{"apply", measureApply},
		{"http-outage", measureHTTPOutage},
		{"grpc-outage", measureGRPCOutage},
		{"connects", measureConnects},
		{"refused", measureRefused},
		{"collector-killed", measureCollectorKilled},
		{"supervisor-killed", measureSupervisorKilled},
		{"stop", measureStop},
		{"memory", measureMemory},
		{"size", measureSize},
		{"launches", measureLaunches},
		{"start", measureStart},
		{"upgrade", measureUpgrade},
		{"install-memory", measureInstallMemory},
	}
}

type flags struct {
	bench
	markdown, keep bool
	only           *regexp.Regexp
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	var only string
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.opampd, "opampd", cmp.Or(os.Getenv("OPAMPD_TEST_BINARY"), "bin/opampd"), "the supervisor")
	set.StringVar(&f.collector, "collector", cmp.Or(os.Getenv("OPAMPD_TEST_COLLECTOR"), "bin/otelcol-lean"), "the Collector")
	set.IntVar(&f.n, "n", 20, "repeats of each event")
	set.BoolVar(&f.markdown, "markdown", false, "print the table as Markdown")
	set.BoolVar(&f.keep, "keep", false, "keep the directory with logs and state")
	set.StringVar(&only, "run", "", "only measurements whose name matches this regular expression")
	if err := set.Parse(args); err != nil {
		return f, fmt.Errorf("the command line: %w", err)
	}
	var err error
	if f.only, err = regexp.Compile(only); err != nil {
		return f, fmt.Errorf("-run: %w", err)
	}
	f.n = max(f.n, 1)
	for _, path := range []*string{&f.opampd, &f.collector} {
		if *path, err = filepath.Abs(*path); err != nil {
			return f, fmt.Errorf("find the programs: %w", err)
		}
		if _, err = os.Stat(*path); err != nil {
			return f, fmt.Errorf("%w; try: make build collector", err)
		}
	}
	return f, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if f.dir, err = os.MkdirTemp("", "opampd-bench-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() {
		if f.keep {
			_, _ = fmt.Fprintln(stderr, "kept", f.dir)
			return
		}
		_ = os.RemoveAll(f.dir)
	}()
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	f.title(ctx, stdout)
	rows, err := f.all(ctx, stderr)
	if f.markdown {
		writeMarkdown(stdout, rows)
	} else {
		writeText(stdout, rows)
	}
	return err
}

// all takes the measurements one after the other, so that they do not disturb each other.
func (f *flags) all(ctx context.Context, progress io.Writer) ([]row, error) {
	var rows []row
	var failed []string
	for _, m := range measurements() {
		if !f.only.MatchString(m.name) {
			continue
		}
		start := time.Now()
		_, _ = fmt.Fprintf(progress, "%-18s ", m.name)
		var more []row
		err := ctx.Err() // the time is up: the rest is listed as not measured
		if err == nil {
			more, err = m.measure(ctx, &f.bench)
		}
		rows = append(rows, more...)
		if err != nil {
			rows = append(rows, row{what: m.name, measured: "not measured", note: err.Error()})
			failed = append(failed, m.name)
		}
		_, _ = fmt.Fprintf(progress, "%5.1f s\n", time.Since(start).Seconds())
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return rows, errors.New("stopped by a signal")
	}
	if len(failed) > 0 {
		return rows, fmt.Errorf("not measured: %s (-keep keeps the logs)", strings.Join(failed, ", "))
	}
	return rows, nil
}

// title says what was measured, and where.
func (f *flags) title(ctx context.Context, w io.Writer) {
	version := func(path string, args ...string) string {
		out, err := exec.CommandContext(ctx, path, args...).Output()
		if err != nil {
			return filepath.Base(path)
		}
		return strings.TrimSpace(string(out))
	}
	_, _ = fmt.Fprintf(w, "%s; %s\n%s/%s, %d CPUs, load average %s; n = %d; %s\n\n", version(f.opampd, "version"),
		version(f.collector, "--version"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), loadAverage(), f.n,
		time.Now().UTC().Format("2006-01-02 15:04 MST"))
}
