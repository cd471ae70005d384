package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// rate is how many requests leave in a second.
	rate = 500
	// longestLoad bounds the memory of one load.
	longestLoad = 3 * time.Minute
	// requestTimeout is when a sender gives up.
	requestTimeout = 2 * time.Second
)

// sender sends the span with a number once. It returns nil when the Collector has accepted it.
type sender interface {
	send(ctx context.Context, id uint64) error
	close()
}

// sample is one request; times are in nanoseconds since the load began.
type sample struct {
	sent, done int64
	ok         bool
}

// load sends without regard to answers, until it is ended.
type load struct {
	sender
	begin    time.Time
	first    uint64 // the number of the first span
	samples  []sample
	stop     context.CancelFunc
	inFlight sync.WaitGroup
	pacer    sync.WaitGroup
	sent     int
}

// startLoad starts to send spans numbered from first.
func startLoad(ctx context.Context, s sender, first uint64) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{sender: s, begin: time.Now(), first: first, samples: make([]sample, int(longestLoad.Seconds())*rate), stop: cancel}
	l.pacer.Go(func() { l.pace(ctx) })
	return l
}

func (l *load) pace(ctx context.Context) {
	for ; l.sent < len(l.samples); l.sent++ {
		if wait := time.Until(l.begin.Add(due(l.sent))); wait > 0 && !pause(ctx, wait) || ctx.Err() != nil {
			return
		}
		i := l.sent
		l.inFlight.Go(func() { l.request(context.WithoutCancel(ctx), i) })
	}
}

// due is when the request with an index leaves.
func due(i int) time.Duration { return time.Duration(i) * time.Second / rate }

func (l *load) request(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	s := &l.samples[i] // nobody else touches it
	s.sent = int64(time.Since(l.begin))
	s.ok = l.send(ctx, l.first+uint64(i)) == nil
	s.done = int64(time.Since(l.begin))
}

// end stops sending, waits for what is on its way and returns what happened.
func (l *load) end() traffic {
	l.stop()
	l.pacer.Wait()
	l.inFlight.Wait()
	l.close()
	return newTraffic(l.begin, l.first, l.samples[:l.sent])
}

// traffic is what became of a load.
type traffic struct {
	begin    time.Time
	accepted []uint64 // numbers of spans
	answered []int64  // when requests succeeded, ascending
	failed   []sample
}

func newTraffic(begin time.Time, first uint64, samples []sample) traffic {
	t := traffic{begin: begin}
	for i, s := range samples {
		if s.ok {
			t.accepted = append(t.accepted, first+uint64(i))
			t.answered = append(t.answered, s.done)
		} else {
			t.failed = append(t.failed, s)
		}
	}
	slices.Sort(t.answered)
	return t
}

// outage is what the senders saw of an event.
type outage struct {
	failed   int
	length   time.Duration // from the last answer before a failed request to the first after it; 0 if none failed
	until    time.Time     // its end; zero if none failed
	repaired bool          // false if there was no answer any more
}

// outage returns the longest outage among requests that failed in a period.
func (t traffic) outage(from, to time.Time) outage {
	o := outage{repaired: true}
	for _, f := range t.failed {
		if at := t.at(f.done); at.Before(from) || !at.Before(to) {
			continue
		}
		o.failed++
		// A refused request fails at once; one that was cut off belongs to its end, one that timed out to its beginning.
		for _, moment := range []int64{f.sent, f.done} {
			before, after, repaired := t.around(moment)
			if !repaired {
				return outage{failed: o.failed, length: to.Sub(t.at(before))}
			}
			if length := time.Duration(after - before); length > o.length {
				o.length, o.until = length, t.at(after)
			}
		}
	}
	return o
}

// around returns when the answers before and after a moment came; false if there was none after it.
func (t traffic) around(moment int64) (before, after int64, ok bool) {
	next, _ := slices.BinarySearch(t.answered, moment)
	if next > 0 {
		before = t.answered[next-1]
	}
	if next == len(t.answered) {
		return before, 0, false
	}
	return before, t.answered[next], true
}

func (t traffic) at(moment int64) time.Time { return t.begin.Add(time.Duration(moment)) }

// firstAnswer returns when the first request succeeded; false if none did.
func (t traffic) firstAnswer() (time.Time, bool) {
	if len(t.answered) == 0 {
		return time.Time{}, false
	}
	return t.at(t.answered[0]), true
}
