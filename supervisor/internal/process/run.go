package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// defaultLimit is how much of each stream Run keeps.
const defaultLimit = 1 << 20

// Output is what a short-lived command left behind.
type Output struct {
	Stdout    []byte // the first part, up to the limit
	Stderr    []byte // the last part, up to the limit: the reason of a failure stands at the end
	Truncated bool   // there was more
	Exit      Exit   // Tail is the end of stderr, or of stdout when there is no stderr
}

// Run runs a short-lived command to its end: own process group, no standard input, limit bytes kept of each stream
// (0: 1 MiB). When ctx ends, the group is killed and the error wraps that of ctx. A command that fails returns an
// *ExitError with the Output filled; one that cannot be started wraps the reason of the kernel, see Explain. A
// descendant that left the group and holds a stream delays the return by a second, not more. A command that hangs
// in the kernel is left alone 10 s after ctx ended: the error then wraps ErrStuck as well, and there is no Output.
// Spec.Log is not used.
func Run(ctx context.Context, spec Spec, limit int) (Output, error) {
	if ctx.Err() != nil {
		return Output{}, fmt.Errorf("run %s: %w", spec.Path, context.Cause(ctx))
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	stdout, err := capture(&head{limit: limit})
	if err != nil {
		return Output{}, err
	}
	stderr, err := capture(&end{limit: limit})
	if err != nil {
		stdout.inherited()
		stdout.finish()
		return Output{}, err
	}
	finish := func() string {
		stderr.expire()
		stdout.expire()
		return evidence(lastOf(firstWritten(stderr.finish(), stdout.finish()), evidenceBytes))
	}
	p, err := start(spec, stdout.writer, stderr.writer)
	stdout.inherited()
	stderr.inherited()
	if err != nil {
		finish()
		return Output{}, err
	}
	go p.watch(finish)
	if err := p.awaitWithin(ctx); err != nil { // the streams still belong to it
		return Output{}, fmt.Errorf("run %s: %w", spec.Path, err)
	}
	out := Output{
		Stdout: stdout.into.bytes(), Stderr: stderr.into.bytes(),
		Truncated: stdout.into.truncated() || stderr.into.truncated(), Exit: p.Exit(),
	}
	return out, judge(ctx, spec, out.Exit)
}

// awaitWithin waits for the end, which it brings about when ctx ends. It gives up when the kernel cannot.
func (p *Process) awaitWithin(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	p.Kill()
	if err := p.awaitKilled(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return nil
}

func judge(ctx context.Context, spec Spec, exit Exit) error {
	if exit.Success() {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("run %s: %w", spec.Path, context.Cause(ctx))
	}
	return &ExitError{Path: spec.Path, Exit: exit}
}

func firstWritten(stderr, stdout []byte) []byte {
	if len(stderr) > 0 {
		return stderr
	}
	return stdout
}

// buffer keeps a bounded part of what is written to it.
type buffer interface {
	io.Writer
	bytes() []byte
	truncated() bool
}

// stream reads one output of a command into a buffer.
type stream struct {
	reader, writer *os.File
	into           buffer
	done           sync.WaitGroup
}

func capture(into buffer) (*stream, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe for the output of a command: %w", err)
	}
	s := &stream{reader: reader, writer: writer, into: into}
	s.done.Go(func() {
		_, _ = io.Copy(struct{ io.Writer }{into}, reader) // ends with the last writer, or with the deadline
		_ = reader.Close()
	})
	return s, nil
}

// inherited gives up our copy of the writing end.
func (s *stream) inherited() { _ = s.writer.Close() }

// expire ends the stream soon: a descendant that left the group may hold it open for ever.
func (s *stream) expire() { _ = s.reader.SetReadDeadline(time.Now().Add(drainWait)) }

// finish waits for the end of the stream.
func (s *stream) finish() []byte {
	s.done.Wait()
	return s.into.bytes()
}
