package engine

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"opampd/supervisor/internal/core"
)

// dispatch hands each command to the lane of its resource.
type dispatch struct {
	agent, config, local, upstream, upgrade *mailbox
	timer                                   func(core.SetTimer)
}

func newDispatch(ctx context.Context, wg *sync.WaitGroup, lanes Lanes, post func(core.Event)) *dispatch {
	start := func(l Lane) *mailbox {
		m := newMailbox()
		wg.Go(func() { m.drain(ctx, func(c core.Command) { l.Run(ctx, c) }) })
		return m
	}
	return &dispatch{
		agent: start(lanes.Agent), config: start(lanes.Config), local: start(lanes.Local), upstream: start(lanes.Upstream),
		upgrade: start(lanes.Upgrade),
		timer:   func(c core.SetTimer) { wg.Go(func() { wait(ctx, c, post) }) },
	}
}

// hand gives a command to its lane and never waits.
func (d *dispatch) hand(cmd core.Command) {
	switch cmd := cmd.(type) {
	case core.Find, core.Start, core.Reload, core.Stop, core.Kill:
		d.agent.put(cmd)
	case core.Prepare, core.Rehearse:
		d.config.put(cmd)
	case core.Fetch, core.Abandon, core.Select, core.Prune:
		d.upgrade.put(cmd)
	case core.Expect, core.Forward, core.ForwardCapabilities:
		d.local.put(cmd)
	case core.Connect, core.Publish, core.ReportStatus, core.Send, core.Disconnect:
		d.upstream.put(cmd)
	case core.SetTimer:
		d.timer(cmd)
	case core.Record, core.Exit: // the engine's own
	}
}

// wait turns the passing of time into an event.
func wait(ctx context.Context, c core.SetTimer, post func(core.Event)) {
	after := c.After
	if c.Jitter { // so that a fleet that fell together does not rise together
		after += time.Duration((rand.Float64()*2 - 1) / 5 * float64(after)) //nolint:gosec // no secret depends on it
	}
	t := time.NewTimer(after)
	defer t.Stop()
	select {
	case <-t.C:
		post(core.TimerFired{Timer: c.Timer, ID: c.ID})
	case <-ctx.Done():
	}
}

// maxForwards is how many custom messages of the server may wait for the Collector.
// The server sends them at its own pace, up to 1 MiB each, and a Collector that does
// not read holds up the lane for seconds.
const maxForwards = 64

// mailbox is a FIFO without a bound, so that the loop can always put. The core emits a
// bounded number of commands for each event, and events come at the pace of the
// world. Messages to be forwarded are the exception: beyond maxForwards the newest is
// dropped, since OpAMP does not promise that a custom message arrives.
type mailbox struct {
	mu       sync.Mutex
	queue    []core.Command
	forwards int // in queue
	ready    chan struct{}
}

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

func (m *mailbox) put(c core.Command) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := c.(core.Forward); ok {
		if m.forwards == maxForwards {
			return
		}
		m.forwards++
	}
	m.queue = append(m.queue, c)
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// take removes the first command, if there is one.
func (m *mailbox) take() (core.Command, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		return nil, false
	}
	c := m.queue[0]
	m.queue[0] = nil // the array behind the queue must not keep it
	m.queue = m.queue[1:]
	if _, ok := c.(core.Forward); ok {
		m.forwards--
	}
	return c, true
}

func (m *mailbox) drain(ctx context.Context, do func(core.Command)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.ready:
		}
		for c, ok := m.take(); ok; c, ok = m.take() {
			if ctx.Err() != nil {
				return
			}
			do(c)
		}
	}
}
