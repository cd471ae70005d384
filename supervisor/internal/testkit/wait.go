package testkit

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// WaitFor returns the first message since the last [Server.Mark] (or the start) that matches, which may have arrived already. When
// none does within the timeout, the test fails and ends; desc says what it waited for.
func (s *Server) WaitFor(tb testing.TB, desc string, timeout time.Duration, match func(*protobufs.AgentToServer) bool) *protobufs.AgentToServer {
	tb.Helper()
	var found *protobufs.AgentToServer
	var story string
	next := -1
	if !s.wait(timeout, func() bool {
		for next = max(next, s.mark); next < len(s.record.msgs); next++ {
			if m := s.record.msgs[next].AgentToServer; match(m) {
				found = m
				return true
			}
		}
		story = s.record.story()
		return false
	}) {
		tb.Fatalf("no message within %s: %s; received:%s", timeout, desc, story)
	}
	return found
}

// Settles returns true as soon as match is true of the state of the agent heard from last ([Server.State]), and false when the time is up
// before. match runs while the server is locked, so it must not call it.
func (s *Server) Settles(timeout time.Duration, match func(*protobufs.AgentToServer) bool) bool {
	return s.wait(timeout, func() bool {
		state := s.states[s.lastAgent]
		return state != nil && match(state)
	})
}

// WaitState waits until match, as of [Server.Settles], is true of the agent's state, and returns that; the test fails and ends when it is not
// within the timeout. Other than [Server.WaitFor] it looks at what all messages so far amount to, and never at what is past.
func (s *Server) WaitState(tb testing.TB, desc string, timeout time.Duration, match func(*protobufs.AgentToServer) bool) *protobufs.AgentToServer {
	tb.Helper()
	var found *protobufs.AgentToServer
	if !s.Settles(timeout, func(state *protobufs.AgentToServer) bool {
		if !match(state) {
			return false
		}
		found = clone(state)
		return true
	}) {
		var story string
		s.read(func() { story = s.record.story() })
		tb.Fatalf("the agent does not come to it within %s: %s; received:%s", timeout, desc, story)
	}
	return found
}

// WaitStatus waits until the agent reports the status of the configuration with that hash, and returns the report.
func (s *Server) WaitStatus(tb testing.TB, hash []byte, status protobufs.RemoteConfigStatuses) *protobufs.RemoteConfigStatus {
	tb.Helper()
	desc := fmt.Sprintf("config %.8x %s", hash, status)
	return s.WaitFor(tb, desc, Patience, func(m *protobufs.AgentToServer) bool {
		report := m.GetRemoteConfigStatus()
		return report.GetStatus() == status && bytes.Equal(report.GetLastRemoteConfigHash(), hash)
	}).GetRemoteConfigStatus()
}

// WaitHealthy waits for a report of health with that verdict since the last [Server.Mark], and returns it. Call Mark before what is
// to change the health.
func (s *Server) WaitHealthy(tb testing.TB, healthy bool) *protobufs.ComponentHealth {
	tb.Helper()
	return s.WaitFor(tb, fmt.Sprintf("healthy=%t", healthy), Patience, func(m *protobufs.AgentToServer) bool {
		return m.GetHealth() != nil && m.GetHealth().GetHealthy() == healthy
	}).GetHealth()
}

// WaitConnection returns the first connection that matches; it is looked at again when it closes.
func (s *Server) WaitConnection(tb testing.TB, desc string, timeout time.Duration, match func(Connection) bool) Connection {
	tb.Helper()
	var found Connection
	var story string
	if !s.wait(timeout, func() bool {
		for _, c := range s.record.conns {
			if match(c) {
				found = c
				return true
			}
		}
		story = s.record.story()
		return false
	}) {
		tb.Fatalf("no connection within %s: %s; received:%s", timeout, desc, story)
	}
	return found
}

// WaitConnections waits until there have been n connections or requests, and returns the last of them.
func (s *Server) WaitConnections(tb testing.TB, n int) Connection {
	tb.Helper()
	return s.WaitConnection(tb, fmt.Sprintf("%d connections", n), Patience, func(c Connection) bool { return c.ID == n-1 })
}
