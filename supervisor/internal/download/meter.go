package download

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	tick = time.Second
	// ticks is how many of them the rate is an average of.
	ticks = 10
)

// meter tells of progress from a goroutine of its own, so that a rate is seen to fall while nothing comes. The numbers are atomic
// because that goroutine reads what the fetch writes.
type meter struct {
	tell     func(Progress)
	size     atomic.Int64
	total    atomic.Int64
	received atomic.Int64 // never falls, unlike the size
	samples  []int64      // of received, one per tick, the newest last; of the goroutine while it runs
	last     Progress     // likewise
	quit     chan struct{}
	stopped  bool
	ended    sync.WaitGroup
}

func startMeter(tell func(Progress)) *meter {
	m := &meter{tell: tell, quit: make(chan struct{}), samples: []int64{0}}
	if tell != nil {
		m.ended.Go(m.run)
	}
	return m
}

func (m *meter) set(size, total int64) {
	m.size.Store(size)
	m.total.Store(total)
}

func (m *meter) add(n, size int64) {
	m.received.Add(n)
	m.size.Store(size)
}

func (m *meter) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for m.wait(ticker.C) {
		if now := m.sample(); now != m.last {
			m.last = now
			m.tell(now)
		}
	}
}

// wait is true at the next tick and false at the end, also if that came during a slow call of Progress and a tick is due.
func (m *meter) wait(ticks <-chan time.Time) bool {
	select {
	case <-m.quit:
		return false
	case <-ticks:
	}
	select {
	case <-m.quit:
		return false
	default:
		return true
	}
}

func (m *meter) sample() Progress {
	m.samples = append(m.samples, m.received.Load())
	if len(m.samples) > ticks+1 {
		m.samples = m.samples[1:]
	}
	span := len(m.samples) - 1
	p := Progress{Bytes: m.size.Load(), Total: m.total.Load()}
	p.BytesPerSecond = float64(m.samples[span]-m.samples[0]) / (float64(span) * tick.Seconds())
	if p.Total > 0 {
		p.Percent = 100 * float64(p.Bytes) / float64(p.Total)
	}
	return p
}

// stop returns when nothing will be told any more.
func (m *meter) stop() {
	if !m.stopped {
		close(m.quit)
		m.stopped = true
	}
	m.ended.Wait()
}

// finish tells the end.
func (m *meter) finish() {
	m.stop()
	if m.tell != nil {
		m.total.Store(m.size.Load())
		m.tell(m.sample())
	}
}
