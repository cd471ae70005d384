package opampclient

import (
	"context"
	"errors"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

const (
	// coalesce is how long a change waits for others to travel with it.
	coalesce = 50 * time.Millisecond
	// answerPeriod is the least time between two answers to the flags of a server, which may set them in every message.
	answerPeriod = time.Second
	// curtTimeout is what a goodbye to an unavailable server may take.
	curtTimeout = 5 * time.Second
)

// errStopped is the end of a session by Stop.
var errStopped = errors.New("stopped")

// session is one connection in use, seen from the loop, which sends one message at a time.
type session struct {
	client   *Client
	line     *line
	at       deadlines
	began    time.Time
	spoke    time.Time // the last message sent
	asked    request
	due      bool // there may be something new to say
	beat     bool // there is something to say even without news
	busy     bool // a message is on its way
	last     bool // it is the one with AgentDisconnect
	answered bool
	leaving  error // why there is to be a last message
}

// request is what the server asks for by its flags.
type request struct {
	flags    uint64 // ServerToAgentFlags to be answered
	answered time.Time
}

// deadlines are the times at which the loop has something to do; zero is never.
type deadlines struct{ flush, beat, answer, silence time.Time }

func newSession(c *Client) *session { return &session{client: c, due: true} }

// serve runs the session over a connection until it fails, the server wants a pause, or Stop (soft) has had its
// goodbye. The end of hard cuts it off.
func (s *session) serve(hard, soft context.Context, c conn) error {
	s.began = time.Now()
	s.client.report.restart()
	s.client.box.online()
	defer s.client.box.offline()
	s.line = openLine(hard, c)
	err := s.loop(hard, soft)
	s.line.close(err)
	return err
}

func (s *session) loop(hard, soft context.Context) error {
	stopping := soft.Done()
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		s.speak()
		alarm.Reset(time.Until(s.at.first()))
		var err error
		select {
		case <-hard.Done():
			return context.Canceled
		case <-stopping:
			stopping, s.leaving = nil, errStopped
		case <-s.client.box.wake:
			s.noticed()
		case <-alarm.C:
			err = s.expired(time.Now())
		case a := <-s.line.in:
			err = s.arrived(a)
		}
		if err != nil {
			return err
		}
	}
}

// speak sends the next message if there is one and the way is free.
func (s *session) speak() {
	if s.busy {
		return
	}
	why := change
	switch {
	case errors.Is(s.leaving, errStopped):
		why = parting
	case s.leaving != nil:
		why = curt
	case s.beat:
		why = beat
	case !s.due:
		return
	}
	m, ok := s.client.report.next(why)
	for !ok && m.more {
		m, ok = s.client.report.next(why)
	}
	s.due, s.beat, s.at.flush = m.more, false, time.Time{}
	if !ok {
		return
	}
	s.busy, s.last, s.spoke = true, m.last, time.Now()
	s.planBeat()
	if s.at.silence.IsZero() {
		_, heartbeat := s.client.box.identity()
		s.at.silence = s.spoke.Add(max(3*heartbeat, quiet))
	}
	s.line.out <- m
}

// planBeat sets the next heartbeat, counted from the last message (S-151). On WebSocket it takes the capability (G-20);
// on HTTP there is always one, since polling is the only way to hear the server.
func (s *session) planBeat() {
	id, heartbeat := s.client.box.identity()
	beats := id.capabilities&uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsHeartbeat) != 0
	s.at.beat = time.Time{}
	if heartbeat > 0 && (beats || s.client.polling) {
		s.at.beat = s.spoke.Add(heartbeat)
	}
}

// noticed is called when a setter was.
func (s *session) noticed() {
	s.planBeat()
	switch {
	case s.client.box.urgent():
		s.due = true
	case s.at.flush.IsZero():
		s.at.flush = time.Now().Add(coalesce)
	}
}

// expired does what the deadlines that have passed are for.
func (s *session) expired(now time.Time) error {
	if passed(&s.at.flush, now) {
		s.due = true
	}
	if passed(&s.at.beat, now) {
		s.beat = true
	}
	if passed(&s.at.answer, now) {
		s.answerFlags(now)
	}
	if passed(&s.at.silence, now) {
		if s.leaving != nil {
			return s.leaving
		}
		return errSilent
	}
	return nil
}

func passed(deadline *time.Time, now time.Time) bool {
	if deadline.IsZero() || deadline.After(now) {
		return false
	}
	*deadline = time.Time{}
	return true
}

// first is the earliest deadline, or an hour from now.
func (d deadlines) first() time.Time {
	first := time.Now().Add(time.Hour)
	for _, t := range []time.Time{d.flush, d.beat, d.answer, d.silence} {
		if !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}
