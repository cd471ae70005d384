package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// chunk is how much is read and written at a time, in bytes.
	chunk = 32 << 10
	// crawlRate is the least that a body must bring on average over crawlStalls stall timeouts, in bytes per second. 300 MB take three days
	// with it, and no radio link that an agent is upgraded over is slower.
	crawlRate   = 1 << 10
	crawlStalls = 5
)

var (
	errStall = errors.New("the server went silent")
	errCrawl = errors.New("the server sends less than a kilobyte a second")
)

func crawlBytes(stall time.Duration) int64 {
	return int64(crawlRate * crawlStalls * stall.Seconds())
}

// copy appends the body to the file.
func (f *fetch) copy(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader, p part) error {
	f.meter.set(f.file.size, max(p.total, 0))
	w := newWatch(ctx, cancel, body, f.settings.StallTimeout)
	buffer := make([]byte, f.bucket.most(chunk))
	for {
		n, err := w.read(buffer)
		if n > 0 {
			if f.file.size+int64(n) > p.until {
				return f.file.overrun(p.until)
			}
			if err := f.file.write(buffer[:n]); err != nil {
				return err
			}
			f.meter.add(int64(n), f.file.size)
		}
		if errors.Is(err, io.EOF) {
			return f.ended(p)
		}
		if err != nil {
			return fmt.Errorf("the connection was lost at byte %d: %w", f.file.size, foreign{err})
		}
		if err := f.bucket.spend(ctx, int64(n)); err != nil {
			return err
		}
	}
}

// ended compares what came with what was announced.
func (f *fetch) ended(p part) error {
	if f.file.size < p.total {
		return fmt.Errorf("the connection was lost at byte %d of %d", f.file.size, p.total)
	}
	return nil
}

// watch reads a body and cuts its connection when it stalls. Only time spent waiting for the network counts, not a slow disk or a limit
// of our own.
type watch struct {
	ctx    context.Context //nolint:containedctx // of the one attempt it lives for; asked only for its cause
	body   io.Reader
	stall  time.Duration
	alarm  *time.Timer
	waited time.Duration // in this window
	got    int64
}

func newWatch(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader, stall time.Duration) *watch {
	return &watch{ctx: ctx, body: body, stall: stall, alarm: time.AfterFunc(stall, func() { cancel(errStall) })}
}

func (w *watch) read(p []byte) (int, error) {
	w.alarm.Reset(w.stall)
	began := time.Now()
	n, err := w.body.Read(p)
	w.alarm.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		return n, causeOf(w.ctx, err)
	}
	w.waited += time.Since(began)
	w.got += int64(n)
	if w.waited < crawlStalls*w.stall {
		return n, err //nolint:wrapcheck // io.EOF or nil
	}
	if err == nil && w.got < crawlBytes(w.stall) {
		return n, errCrawl
	}
	w.waited, w.got = 0, 0
	return n, err //nolint:wrapcheck // io.EOF or nil
}
