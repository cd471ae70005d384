package opampclient

import (
	"errors"
	"fmt"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// problemPeriod is the least time between two reports of the same kind of problem.
const problemPeriod = time.Minute

// notifier calls the callbacks that are set. It belongs to the goroutine of Run.
type notifier struct {
	events Events
	seen   map[string]*tally // by kind; the kinds are constants of this package
}

type tally struct {
	count int
	told  time.Time
}

func newNotifier(e Events) *notifier { return &notifier{events: e, seen: map[string]*tally{}} }

func (n *notifier) connected() {
	if n.events.Connected != nil {
		n.events.Connected()
	}
}

func (n *notifier) disconnected(err error, wait time.Duration) {
	if n.events.Disconnected != nil {
		n.events.Disconnected(err, wait)
	}
}

func (n *notifier) message(m *protobufs.ServerToAgent) {
	if n.events.Message != nil {
		n.events.Message(m)
	}
}

// problem passes on the first of a kind, then at most one a minute with the number of times so far.
func (n *notifier) problem(kind, detail string) {
	t := n.seen[kind]
	if t == nil {
		t = &tally{}
		n.seen[kind] = t
	}
	t.count++
	if n.events.Problem == nil || t.count > 1 && time.Since(t.told) < problemPeriod {
		return
	}
	t.told = time.Now()
	line := kind + ": " + detail
	if t.count > 1 {
		line = fmt.Sprintf("%s (%d times)", line, t.count)
	}
	n.events.Problem(line)
}

// connectionProblem reports those ends of a connection that are not just the weather.
func (n *notifier) connectionProblem(err error) {
	var status *StatusError
	switch {
	case errors.Is(err, errMalformed):
		n.problem("malformed message from the server", err.Error())
	case errors.Is(err, errOversize):
		n.problem("over-limit message from the server", err.Error())
	case errors.As(err, &status) && status.redirects():
		n.problem("redirect refused", err.Error())
	}
}
