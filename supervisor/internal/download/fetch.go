package download

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// fetch is one call of [Client.Fetch]. All of it belongs to the goroutine of the caller.
type fetch struct {
	settings Settings
	sources  []*source
	file     *file
	lines    *lines
	bucket   *bucket
	meter    *meter
	attempts int
	good     *source // brought the newest byte
}

// Fetch appends to p what is missing until p holds all of r, and returns when it does, when no source is left to ask, or when ctx is
// done. A p that is already complete is not asked for again. Every error is an [*Error]. What was got stays in p, unless it is known
// to be of another file.
func (c *Client) Fetch(ctx context.Context, r Request, p Partial) (Result, error) {
	f, err := c.prepare(r, p)
	if err == nil {
		err = f.run(ctx)
	}
	if err != nil {
		return Result{}, f.explain(ctx, r, err)
	}
	result := Result{Size: f.file.size, Resumed: f.file.resumed, Attempts: f.attempts, Source: describe(f.sources[len(f.sources)-1].url)}
	if f.good != nil {
		result.Source = describe(f.good.url)
	}
	return result, nil
}

// prepare checks all that can be checked without the network. The fetch it returns with an error holds what is known by then.
func (c *Client) prepare(r Request, p Partial) (*fetch, error) {
	f := &fetch{settings: c.settings, bucket: newBucket(c.settings.RateLimit)}
	if err := checkSizes(r); err != nil {
		return f, err
	}
	sources, err := c.sources(r)
	if err != nil {
		return f, refused("%w", err)
	}
	f.sources = sources
	if f.file, err = openFile(p, r, c.settings.Space); err != nil {
		return f, err
	}
	f.lines = newLines(c)
	return f, nil
}

func checkSizes(r Request) error {
	hash, err := hex.DecodeString(r.SHA256)
	switch {
	case err != nil || len(hash) != 0 && len(hash) != 32:
		return refused("its SHA-256 is not 64 hex digits")
	case r.MaxSize <= 0:
		return refused("no largest size was given to accept")
	case r.Size < 0:
		return refused("the expected size is below zero")
	case r.Size > r.MaxSize:
		return refused("it should have %d bytes, which is more than the %d that are allowed: offer a smaller one, or raise the limit", r.Size, r.MaxSize)
	}
	return nil
}

// run asks one source after another until the file is complete.
func (f *fetch) run(ctx context.Context) error {
	defer f.lines.close()
	f.meter = startMeter(f.settings.Progress)
	defer f.meter.stop()
	f.meter.set(f.file.size, f.file.record.Total)
	for done := f.file.complete(); !done; {
		next := f.next()
		if next == nil {
			return f.verdict()
		}
		if err := pause(ctx, time.Until(next.ready)); err != nil {
			return err
		}
		var err error
		if done, err = f.try(ctx, next); err != nil {
			return err
		}
	}
	f.meter.finish()
	return nil
}

// try makes one attempt. It returns an error only if that ends the fetch.
func (f *fetch) try(ctx context.Context, s *source) (done bool, err error) {
	f.attempts++
	before := f.file.high
	failure := asFailure(f.attempt(ctx, s))
	switch {
	case failure != nil && failure.kind == Disk:
		return false, failure
	case failure != nil && ctx.Err() != nil:
		return false, context.Cause(ctx) //nolint:wrapcheck // put into words by explain
	}
	if err := f.file.sync(); err != nil {
		return false, err
	}
	if failure == nil {
		f.good = s
		return true, nil
	}
	f.note(s, failure, f.file.high-before)
	return false, nil
}

// note keeps count. A crawl is no progress, or it could last for ever.
func (f *fetch) note(s *source, failure *failure, brought int64) {
	progressed := brought > 0 && (!errors.Is(failure, errCrawl) || brought >= crawlBytes(f.settings.StallTimeout))
	f.good = nil
	if progressed {
		f.good = s
		for _, each := range f.sources {
			each.renew()
		}
	}
	s.failed(failure, progressed)
}

// next is the source that brought something last, or else the one that may be asked soonest; nil when there is none left.
func (f *fetch) next() *source {
	var next *source
	for _, s := range f.sources {
		switch {
		case s.gone || s.failures >= f.settings.Attempts:
		case s == f.good:
			return s
		case next == nil || s.ready.Before(next.ready):
			next = s
		}
	}
	return next
}

// verdict is why no source is left.
func (f *fetch) verdict() error {
	all := &failure{kind: Refused}
	for _, s := range f.sources {
		last := asFailure(s.err)
		if last.kind == World {
			all.kind = World
		}
		switch {
		case !s.mirror && all.err == nil:
			all.status, all.err = last.status, last
		case !s.mirror:
			all.status, all.err = last.status, fmt.Errorf("%w; the offered URL: %w", all.err, last)
		case all.err == nil:
			all.err = fmt.Errorf("mirror %s: %w", describe(s.url), last)
		default:
			all.err = fmt.Errorf("%w; mirror %s: %w", all.err, describe(s.url), last)
		}
	}
	return all
}

// explain makes the error for the caller.
func (f *fetch) explain(ctx context.Context, r Request, err error) error {
	last := asFailure(err)
	e := &Error{Kind: last.kind, Status: last.status, Attempts: f.attempts, Err: last.err}
	if len(f.sources) > 0 {
		e.URL = describe(f.sources[len(f.sources)-1].url)
	}
	if hash, err := hex.DecodeString(r.SHA256); err == nil && len(hash) == 32 {
		e.SHA256 = strings.ToLower(r.SHA256)
	}
	if ctx.Err() != nil && last.kind == World {
		e.Err = fmt.Errorf("stopped before it was complete: %w", err)
	}
	return e
}

// pause waits. It returns the cause when ctx is done first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx) //nolint:wrapcheck // put into words by explain
	case <-timer.C:
		return nil
	}
}
