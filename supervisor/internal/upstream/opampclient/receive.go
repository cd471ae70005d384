package opampclient

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
)

// arrived handles what the goroutines of the connection tell. An error is the end of the session.
func (s *session) arrived(a arrival) error {
	if a.err != nil {
		if tooLarge(a.err) {
			s.client.report.refuse()
		}
		return a.err
	}
	if a.sent {
		s.busy = false
		if s.last {
			return s.leaving
		}
	}
	if a.message != nil && s.leaving == nil {
		return s.heard(a.message)
	}
	return nil
}

// heard acts on a message of the server as far as the protocol itself is concerned; the rest is for Events.Message. No
// part of the message is taken to be there.
func (s *session) heard(m *protobufs.ServerToAgent) error {
	id, _ := s.client.box.identity()
	if uid := m.GetInstanceUid(); len(uid) > 0 && !bytes.Equal(uid, id.uid[:]) && !bytes.Equal(uid, id.previous[:]) {
		s.client.notify.problem("message for another agent dropped", fmt.Sprintf("instance_uid %.16x", uid)) // S-045
		return nil
	}
	s.at.silence = time.Time{}
	pause := s.errorResponse(m.GetErrorResponse())
	if pause == nil && !s.answered {
		s.answered = true
		s.client.notify.connected()
	}
	s.heed(m)
	s.client.notify.message(m)
	if pause == nil {
		return nil
	}
	if s.client.polling {
		return pause
	}
	s.leaving, s.at.silence = pause, time.Now().Add(curtTimeout)
	return nil
}

// errorResponse reports a complaint of the server. It returns an error if the server wants to be left alone (S-092).
// What a BAD_REQUEST answered counts as sent, so it is not repeated (S-091).
func (s *session) errorResponse(e *protobufs.ServerErrorResponse) error {
	if e == nil {
		return nil
	}
	if e.GetType() == protobufs.ServerErrorResponseType_ServerErrorResponseType_Unavailable {
		return newUnavailable(e.GetRetryInfo().GetRetryAfterNanoseconds(), e.GetErrorMessage())
	}
	s.client.notify.problem("the server refused a message",
		fmt.Sprintf("%s: %q", e.GetType(), clip(e.GetErrorMessage(), maxServerText)))
	return nil
}

// heed takes note of the server's capabilities and of what it asks for.
func (s *session) heed(m *protobufs.ServerToAgent) {
	if c := m.GetCapabilities(); c != 0 && c != s.client.report.server { // 0: many servers never say
		s.client.report.server = c
		s.due = true
	}
	if flags := m.GetFlags() & answerable; flags != 0 {
		s.asked.flags |= flags
		if s.at.answer.IsZero() {
			s.at.answer = latest(s.asked.answered.Add(answerPeriod), time.Now())
		}
	}
}

const answerable = uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState |
	protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportAvailableComponents)

// answerFlags makes the next message what the server has asked for.
func (s *session) answerFlags(now time.Time) {
	if s.asked.flags&uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState) != 0 {
		s.client.report.tellAll()
	}
	if s.asked.flags&uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportAvailableComponents) != 0 {
		s.client.report.components = true
	}
	s.asked = request{answered: now}
	s.due, s.beat = true, true
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tooLarge says whether the server refused a message for its size: 413, or a WebSocket close with 1009.
func tooLarge(err error) bool {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.Code == http.StatusRequestEntityTooLarge
	}
	return websocket.IsCloseError(errors.Unwrap(err), websocket.CloseMessageTooBig)
}

// closeCode is what the closing handshake says about the reason.
func closeCode(reason error) int {
	switch {
	case errors.Is(reason, errMalformed):
		return websocket.CloseProtocolError
	case errors.Is(reason, errOversize):
		return websocket.CloseMessageTooBig // S-010
	case errors.Is(reason, errSilent):
		return websocket.CloseGoingAway
	}
	return websocket.CloseNormalClosure
}
