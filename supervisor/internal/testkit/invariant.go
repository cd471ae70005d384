package testkit

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// Invariant is something an agent always does, whatever the test is about. Each is checked when the test ends.
type Invariant string

// The invariants (opamp-conformance.md section 16.4).
const (
	// OneConnection: at most one open WebSocket per uid, give or take overlapGrace (S-101).
	OneConnection Invariant = "one-connection"
	// Sequence: sequence_num grows by one, on a WebSocket and over requests of plain HTTP (S-050).
	Sequence Invariant = "sequence"
	// UID: instance_uid is a UUID version 7 of 16 bytes (S-042).
	UID Invariant = "uid"
	// Capabilities: known bits only, ReportsStatus among them (S-052, S-054).
	Capabilities Invariant = "capabilities"
	// Farewell: nothing follows agent_disconnect (S-056).
	Farewell Invariant = "farewell"
	// Rate: no more than maxPerSecond messages in a second (S-063).
	Rate Invariant = "rate"
	// NoRepeats: effective_config, remote_config_status and package_statuses are sent again only when they changed or were asked
	// for (S-064, S-069).
	NoRepeats Invariant = "no-repeats"
	// Encoding: frames begin with the header 0, bodies are protobuf, strings are UTF-8 (S-004, S-005, S-085).
	Encoding Invariant = "encoding"
	// Health: whoever is healthy has a start time (S-078).
	Health Invariant = "health"
	// ApplyingFirst: the first report on a hash this server offered is APPLYING (S-114); on WebSockets only, for a poll may miss it.
	ApplyingFirst Invariant = "applying-first"
)

const (
	// overlapGrace is how long two connections of a uid may seem to be open together: the end of one is noticed by another
	// goroutine than the begin of the next.
	overlapGrace = time.Second
	maxPerSecond = 50
	knownBits    = uint64(1<<16 - 1)
)

// Breaches returns every breach of an invariant so far, in words, without those excepted.
func (s *Server) Breaches() []string {
	var breaches []string
	s.read(func() {
		if s.record.ended.IsZero() || s.live.http != nil {
			s.record.ended = time.Now()
		}
		breaches = s.record.check(s.options.except)
	})
	return breaches
}

// badEncoding notes a breach that the record of decoded messages cannot show.
func (s *Server) badEncoding(format string, args ...any) {
	if slices.Contains(s.options.except, Encoding) {
		return
	}
	s.update(func() { s.record.faults = append(s.record.faults, string(Encoding)+": "+fmt.Sprintf(format, args...)) })
}

func (r *record) check(except []Invariant) []string {
	breaches := slices.Clone(r.faults)
	checks := map[Invariant]func(*record, func(string, ...any)){
		OneConnection: checkOneConnection, UID: checkUID, Capabilities: checkCapabilities, Health: checkHealth,
		ApplyingFirst: checkApplyingFirst,
		Sequence:      eachSession(checkSequence), Farewell: eachSession(checkFarewell),
		Rate: eachSession(checkRate), NoRepeats: eachSession(checkNoRepeats),
	}
	maps.Copy(checks, packageChecks())
	for _, i := range slices.Sorted(maps.Keys(checks)) {
		if slices.Contains(except, i) {
			continue
		}
		checks[i](r, func(format string, args ...any) {
			breaches = append(breaches, string(i)+": "+fmt.Sprintf(format, args...))
		})
	}
	return breaches
}

// sessions splits the messages by WebSocket and, on plain HTTP, by uid, where sequence number 0 begins a new one.
func (r *record) sessions() [][]Message {
	var all [][]Message
	place := map[string]int{}
	for _, m := range r.msgs {
		key, fresh := fmt.Sprint("conn ", m.Conn), false
		if r.conns[m.Conn].Transport == PlainHTTP {
			key, fresh = string(m.GetInstanceUid()), m.GetSequenceNum() == 0 && !m.AfterFault
		}
		at, known := place[key]
		if !known || fresh {
			at = len(all)
			place[key] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], m)
	}
	return all
}

func eachSession(check func([]Message, func(string, ...any))) func(*record, func(string, ...any)) {
	return func(r *record, report func(string, ...any)) {
		for _, session := range r.sessions() {
			check(session, report)
		}
	}
}

func checkOneConnection(r *record, report func(string, ...any)) {
	first, last := map[int]time.Time{}, map[string]int{}
	for _, m := range r.msgs {
		uid := string(m.GetInstanceUid())
		if r.conns[m.Conn].Transport == PlainHTTP {
			continue
		}
		if first[m.Conn].IsZero() {
			first[m.Conn] = m.At
		}
		before, known := last[uid]
		last[uid] = m.Conn
		if !known || before == m.Conn {
			continue
		}
		if overlap := r.end(before).Sub(first[m.Conn]); overlap > overlapGrace {
			report("conn %d and conn %d of agent %x were open together for %s", before, m.Conn, uid, overlap)
		}
	}
}

// end is when a connection closed, or the end of the record if it did not.
func (r *record) end(conn int) time.Time {
	if closed := r.conns[conn].Closed; !closed.IsZero() {
		return closed
	}
	return r.ended
}

func checkUID(r *record, report func(string, ...any)) {
	for _, m := range r.msgs {
		if uid, err := uuid.FromBytes(m.GetInstanceUid()); err != nil || uid.Version() != 7 {
			report("conn %d seq %d: instance_uid %x is no UUID version 7", m.Conn, m.GetSequenceNum(), m.GetInstanceUid())
		}
	}
}

func checkCapabilities(r *record, report func(string, ...any)) {
	for _, m := range r.msgs {
		if bits := m.GetCapabilities(); bits&1 == 0 || bits&^knownBits != 0 {
			report("conn %d seq %d: capabilities %#x lack ReportsStatus or have unknown bits", m.Conn, m.GetSequenceNum(), bits)
		}
	}
}

func checkHealth(r *record, report func(string, ...any)) {
	for _, m := range r.msgs {
		if h := m.GetHealth(); h.GetHealthy() && h.GetStartTimeUnixNano() == 0 {
			report("conn %d seq %d: healthy without a start time", m.Conn, m.GetSequenceNum())
		}
	}
}

func checkApplyingFirst(r *record, report func(string, ...any)) {
	seen := map[string]bool{}
	for _, m := range r.msgs {
		status := m.GetRemoteConfigStatus()
		key := string(m.GetInstanceUid()) + string(status.GetLastRemoteConfigHash())
		if status == nil || seen[key] || r.conns[m.Conn].Transport == PlainHTTP {
			continue
		}
		seen[key] = true
		if r.offered[string(status.GetLastRemoteConfigHash())] &&
			status.GetStatus() != protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING {
			report("conn %d seq %d: %s of %.8x without APPLYING before", m.Conn, m.GetSequenceNum(), status.GetStatus(), status.GetLastRemoteConfigHash())
		}
	}
}

func checkSequence(session []Message, report func(string, ...any)) {
	for i, m := range session[1:] {
		before := session[i]
		lost := m.AfterFault && m.Conn != before.Conn // requests of plain HTTP are repeated or given up then
		if !lost && m.GetSequenceNum() != before.GetSequenceNum()+1 {
			report("conn %d: %d after %d", m.Conn, m.GetSequenceNum(), before.GetSequenceNum())
		}
	}
}

func checkFarewell(session []Message, report func(string, ...any)) {
	for i, m := range session[1:] {
		if before := session[i]; before.GetAgentDisconnect() != nil {
			report("conn %d: seq %d follows agent_disconnect", m.Conn, m.GetSequenceNum())
		}
	}
}

func checkRate(session []Message, report func(string, ...any)) {
	for i := range len(session) - maxPerSecond {
		if took := session[i+maxPerSecond].At.Sub(session[i].At); took < time.Second {
			report("conn %d: %d messages in %s, from seq %d on", session[i].Conn, maxPerSecond+1, took, session[i].GetSequenceNum())
			return
		}
	}
}

func checkNoRepeats(session []Message, report func(string, ...any)) {
	last := &protobufs.AgentToServer{}
	for _, m := range session {
		again := func(part string, now, before proto.Message) {
			if !m.Asked && !m.AfterFault && proto.Equal(now, before) {
				report("conn %d seq %d: %s again, unchanged", m.Conn, m.GetSequenceNum(), part)
			}
		}
		if now := m.GetEffectiveConfig(); now != nil {
			again("effective_config", now, last.GetEffectiveConfig())
			last.EffectiveConfig = now
		}
		if now := m.GetRemoteConfigStatus(); now != nil {
			again("remote_config_status", now, last.GetRemoteConfigStatus())
			last.RemoteConfigStatus = now
		}
		if now := m.GetPackageStatuses(); now != nil {
			again("package_statuses", now, last.GetPackageStatuses())
			last.PackageStatuses = now
		}
	}
}
