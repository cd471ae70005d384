package process

import (
	"fmt"
	"time"
)

const (
	queueLines = 128 // of at most maxLine each
	// stallWait is how long a reader of lines that takes none is waited for, once, before lines are dropped.
	stallWait = time.Second
	lookAgain = 20 * time.Millisecond
)

// delivery hands lines to a function that may block, without being blocked for long, and without loss while there
// is room in the file. Lines that are dropped stay in the file, and their number is told.
type delivery struct {
	queue   chan parcel
	done    chan struct{}
	path    string
	crowded func() bool
	stalled bool
	dropped int
}

// parcel is a line, or a request to tell that all before it were taken.
type parcel struct {
	line    string
	notice  bool // our own words, not the child's
	reached chan<- struct{}
}

func deliverTo(sink func(Line), path string, crowded func() bool) *delivery {
	d := &delivery{
		queue: make(chan parcel, queueLines), done: make(chan struct{}),
		path: path, crowded: crowded,
	}
	go func() {
		defer close(d.done)
		for p := range d.queue {
			p.hand(sink)
		}
	}()
	return d
}

func (p parcel) hand(sink func(Line)) {
	switch {
	case p.reached != nil:
		close(p.reached)
	case p.notice:
		sink(Line{Level: "warn", Message: p.line, Raw: p.line})
	default:
		sink(ParseLine(p.line))
	}
}

// emit queues a line, or drops it when there is no room for it in time.
func (d *delivery) emit(line []byte) {
	d.tellDropped()
	if d.dropped > 0 || !d.push(parcel{line: string(line)}) {
		d.dropped++
	}
}

// tellDropped makes a gap known, in its place.
func (d *delivery) tellDropped() {
	if d.dropped == 0 {
		return
	}
	text := fmt.Sprintf("%d lines of the Collector were left out here, look for them in %s", d.dropped, d.path)
	if d.push(parcel{line: text, notice: true}) {
		d.dropped = 0
	}
}

func (d *delivery) push(p parcel) bool {
	select {
	case d.queue <- p:
		d.stalled = false
		return true
	default:
	}
	for range int(stallWait / lookAgain) {
		if d.stalled || d.crowded() {
			return false
		}
		select {
		case d.queue <- p:
			return true
		case <-time.After(lookAgain):
		}
	}
	d.stalled = true
	return false
}

// settle waits until all that was queued is taken, but no longer than a stall.
func (d *delivery) settle() {
	d.tellDropped()
	timeout := time.After(stallWait)
	reached := make(chan struct{})
	select {
	case d.queue <- parcel{reached: reached}:
	case <-timeout:
		return
	}
	select {
	case <-reached:
		d.tellDropped()
	case <-timeout:
	}
}

// close ends the delivery. A function that blocks for ever keeps its goroutine: there is no way to stop it.
func (d *delivery) close() {
	close(d.queue)
	select {
	case <-d.done:
	case <-time.After(stallWait):
	}
}
