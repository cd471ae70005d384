//go:build linux

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// overBoth runs a test over both transports.
func overBoth(t *testing.T, test func(t *testing.T, tr testkit.Transport)) {
	t.Helper()
	for _, tr := range []testkit.Transport{testkit.WebSocket, testkit.PlainHTTP} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			test(t, tr)
		})
	}
}

// endpoint is where a server is reached over a transport.
func endpoint(s *testkit.Server, tr testkit.Transport) string {
	if tr == testkit.PlainHTTP {
		return s.HTTPURL()
	}
	return s.WebSocketURL()
}

// beating offers heartbeats of a second: on plain HTTP nothing but a poll brings news.
func beating() *protobufs.ConnectionSettingsOffers {
	return &protobufs.ConnectionSettingsOffers{Opamp: &protobufs.OpAMPConnectionSettings{HeartbeatIntervalSeconds: 1}}
}

// polled makes every answer of a server ask for a message each second.
func polled(s *testkit.Server) *testkit.Server {
	s.Script(func(_ testkit.Message, answer *protobufs.ServerToAgent) *protobufs.ServerToAgent {
		if answer != nil && answer.GetCommand() == nil {
			answer.ConnectionSettings = beating()
		}
		return answer
	})
	return s
}

// alter changes supervisor.yaml before the next start.
func (d *daemon) alter(old, replacement string) {
	d.tb.Helper()
	text, err := os.ReadFile(d.path("supervisor.yaml"))
	require.NoError(d.tb, err)
	require.Contains(d.tb, string(text), old)
	altered := strings.Replace(string(text), old, replacement, 1)
	require.NoError(d.tb, os.WriteFile(d.path("supervisor.yaml"), []byte(altered), 0o600))
}

// serverKeys adds keys to the section of the server.
func (d *daemon) serverKeys(keys string) {
	d.tb.Helper()
	d.alter("server: {", "server: {"+keys+", ")
}

func (d *daemon) log() string {
	text, _ := os.ReadFile(d.path("opampd.log"))
	return string(text)
}

// full says whether a message is a full report of an agent that was given a remote
// configuration.
func full(m *protobufs.AgentToServer) bool {
	return m.GetAgentDescription() != nil && m.GetHealth() != nil && m.GetEffectiveConfig() != nil &&
		m.GetRemoteConfigStatus() != nil && len(m.GetAvailableComponents().GetHash()) > 0
}

func TestAServerThatAppearsLateIsFound(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server, sink, addr := testkit.NewServer(t), testkit.NewOTLPSink(t), testkit.FreePort(t)
		server.Stop()
		d := run(t, settings{endpoint: endpoint(server, tr)})
		d.said("no connection to the OpAMP server", 1)
		hash := server.Offer(pipeline(addr, sink.URL(), "late"))
		server.Start(t)
		server.WaitStatus(t, hash, applied)
		assert.NotContains(t, d.log(), "goroutine ", "a server that is away is no reason for a stack trace (W37)")
		assert.Equal(t, 0, d.stop())
	})
}

func TestAServerThatRestartedIsToldEverythingAtOnce(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, hash := working(t, tr, settings{})
		pid := h.collector()
		h.server.Stop()
		h.said("no connection to the OpAMP server", 1)
		h.server.Mark()
		h.server.Start(t)
		first := h.server.WaitFor(t, "anything", patience, func(*protobufs.AgentToServer) bool { return true })
		assert.True(t, full(first), "the first report is a full one (S-060): %v", first)
		assert.Equal(t, hash, first.GetRemoteConfigStatus().GetLastRemoteConfigHash())
		assert.Equal(t, applied, first.GetRemoteConfigStatus().GetStatus())
		next := h.server.Offer(pipeline(h.addr, h.sink.URL(), "after the restart"))
		h.server.WaitStatus(t, next, applied)
		assert.Equal(t, pid, h.collector(), "the Collector did not notice")
		assert.Equal(t, 0, h.stop())
	})
}

// slow is a Collector that takes its time to validate, so that a test can do something
// meanwhile.
func slow(tb testing.TB) string {
	tb.Helper()
	return wrapper(tb, `[ "$1" = validate ] && sleep 0.3`)
}

func TestAVerdictReachedWhileTheServerWasAwayIsToldOnItsReturn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config func(h *host) map[string]string
		want   protobufs.RemoteConfigStatuses
		said   string
	}{
		"good": {func(h *host) map[string]string { return pipeline(h.addr, h.sink.URL(), "away") }, applied, "is in force"},
		"bad":  {func(*host) map[string]string { return map[string]string{"": "receivers: {nonsense: }"} }, failed, "the remote configuration failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{executable: slow(t)})
			before := strings.Count(h.log(), c.said)
			hash := h.server.Offer(c.config(h))
			h.server.WaitStatus(t, hash, applying)
			h.server.Stop()
			h.said(c.said, before+1)
			h.server.Mark()
			h.server.Start(t)
			h.server.WaitStatus(t, hash, c.want) // mostly in the first message, but the log is written before it is said
			h.serving()
		})
	}
}

func TestACrashWhileTheServerWasAwayShowsInItsStartTime(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, hash := working(t, tr, settings{agent: "probation: 0s"})
		h.proven(hash)
		began := h.server.WaitHealthy(t, true).GetStartTimeUnixNano()
		h.server.Stop()
		healthy := strings.Count(h.log(), "the Collector is healthy")
		kill(t, h.collector(), syscall.SIGKILL)
		h.said("the Collector is healthy", healthy+1)
		h.server.Mark()
		h.server.Start(t)
		assert.Greater(t, h.server.WaitHealthy(t, true).GetStartTimeUnixNano(), began)
		assert.Equal(t, applied, h.server.State().GetRemoteConfigStatus().GetStatus())
		h.serving()
	})
}

// misbehaviours are faults of a server that an agent must outlive, each met once.
func misbehaviours() map[string]testkit.Fault {
	return map[string]testkit.Fault{
		"401":               testkit.RefuseWith(http.StatusUnauthorized, ""),
		"403":               testkit.RefuseWith(http.StatusForbidden, ""),
		"404":               testkit.RefuseWith(http.StatusNotFound, ""),
		"500":               testkit.RefuseWith(http.StatusInternalServerError, ""),
		"accept then close": testkit.AcceptThenClose(),
		"text frame":        testkit.TextFrame(),
		"garbage":           testkit.GarbageFrame(),
		"nothing":           testkit.EmptyMessage(),
		"wrong header":      testkit.WrongHeader(&protobufs.ServerToAgent{RemoteConfig: &protobufs.AgentRemoteConfig{ConfigHash: []byte("never")}}),
		"wrong uid":         testkit.WrongUID(),
		"goes away":         testkit.CloseWith(1001),
		"hangs up":          testkit.Hangup(),
		"resets":            testkit.Reset(),
		"bad request":       testkit.BadRequest(),
		"oversize":          testkit.Oversize(200_000),
	}
}

func TestAServerThatMisbehavesOnceIsForgiven(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		for name, fault := range misbehaviours() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				// What happens between two connections is told in one report, so APPLYING may be left out.
				server := polled(testkit.NewServer(t, testkit.Except(testkit.ApplyingFirst)))
				sink, addr := testkit.NewOTLPSink(t), testkit.FreePort(t)
				server.Inject(fault, 1)
				d := prepare(t, settings{endpoint: endpoint(server, tr)})
				d.serverKeys("max_message_size: 64KiB")
				d.start()
				server.WaitFor(t, "anything", patience, func(*protobufs.AgentToServer) bool { return true })
				hash := server.Offer(pipeline(addr, sink.URL(), "forgiven"))
				server.WaitStatus(t, hash, applied)
				assert.NotContains(t, d.log(), "panic")
				for _, m := range server.Messages() {
					assert.NotEqual(t, "never", string(m.GetRemoteConfigStatus().GetLastRemoteConfigHash()))
				}
			})
		}
	})
}

func TestAServerThatAsksToBeLeftAloneIs(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]testkit.Fault{
		"Retry-After (S-095)":             testkit.RefuseWith(http.StatusServiceUnavailable, "1"),
		"throttled (S-095)":               testkit.RefuseWith(http.StatusTooManyRequests, "1"),
		"UNAVAILABLE, retry_info (S-092)": testkit.Unavailable(time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overBoth(t, func(t *testing.T, tr testkit.Transport) {
				server := testkit.NewServer(t)
				server.Inject(fault, 1)
				run(t, settings{endpoint: endpoint(server, tr)})
				again := server.WaitConnections(t, 2)
				assert.GreaterOrEqual(t, again.Opened.Sub(server.Connections()[0].Opened), time.Second)
				server.WaitFor(t, "a full report", patience, func(m *protobufs.AgentToServer) bool {
					return m.GetAgentDescription() != nil && m.GetHealth() != nil
				})
			})
		})
	}
}

// TestABrokenServerIsNotStormed lasts as long as it watches: that nothing happens is
// no event.
func TestABrokenServerIsNotStormed(t *testing.T) {
	t.Parallel()
	const watched, most = 5 * time.Second, 8 // 15 in 10 s (G-02)
	servers := map[string]*testkit.Server{}
	for name, fault := range map[string]testkit.Fault{
		"accept then close": testkit.AcceptThenClose(), "garbage": testkit.GarbageFrame(), "text frame": testkit.TextFrame(),
		"hangs up": testkit.Hangup(), "401": testkit.RefuseWith(http.StatusUnauthorized, ""), "closes": testkit.CloseWith(1000),
	} {
		for _, tr := range []testkit.Transport{testkit.WebSocket, testkit.PlainHTTP} {
			server := testkit.NewServer(t, testkit.Except(testkit.Rate))
			server.Inject(fault, -1)
			run(t, settings{endpoint: endpoint(server, tr)})
			servers[name+", "+string(tr)] = server
		}
	}
	for _, server := range servers {
		server.WaitConnections(t, 1)
	}
	<-time.After(watched)
	for name, server := range servers {
		assert.LessOrEqual(t, len(server.Connections()), most, name)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server, other := testkit.NewServer(t), testkit.NewServer(t)
		server.Inject(testkit.Redirect(http.StatusTemporaryRedirect, endpoint(other, testkit.PlainHTTP)), 1)
		d := prepare(t, settings{endpoint: endpoint(server, tr)})
		d.serverKeys(`headers: {Authorization: "Bearer not-for-others"}`)
		d.start()
		d.said("which is not followed", 1)
		server.WaitConnections(t, 2)
		assert.Empty(t, other.Connections(), "the credentials went elsewhere (G-31, S-291)")
	})
}

func TestAServerThatNeverAnswersHoldsNothingUp(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server, sink, addr := testkit.NewServer(t), testkit.NewOTLPSink(t), testkit.FreePort(t)
		server.Inject(testkit.NeverAnswer(), -1)
		local := t.TempDir() + "/local.yaml"
		require.NoError(t, os.WriteFile(local, []byte(pipeline(addr, sink.URL(), "local")["collector.yaml"]), 0o600))
		d := run(t, settings{endpoint: endpoint(server, tr), agent: "config_files: [" + local + "]"})
		(&host{daemon: d, server: server, sink: sink, addr: addr}).serving()
		began := time.Now()
		assert.Equal(t, 0, d.stop())
		assert.Less(t, time.Since(began), 3*time.Second)
	})
}

func TestAConfigurationOverTheLimitIsNotApplied(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server, sink, addr := polled(testkit.NewServer(t)), testkit.NewOTLPSink(t), testkit.FreePort(t)
		server.Inject(testkit.Oversize(100_000), 1)
		d := prepare(t, settings{endpoint: endpoint(server, tr)})
		d.serverKeys("max_message_size: 64KiB")
		d.start()
		server.WaitConnections(t, 2)
		if tr == testkit.WebSocket {
			assert.Equal(t, 1009, server.Connections()[0].Code, "S-010")
		}
		assert.Contains(t, d.log(), "over the size limit")
		hash := server.Offer(pipeline(addr, sink.URL(), "small"))
		server.WaitStatus(t, hash, applied)
		for _, m := range server.Messages() {
			if s := m.GetRemoteConfigStatus(); len(s.GetLastRemoteConfigHash()) > 0 {
				assert.True(t, bytes.Equal(hash, s.GetLastRemoteConfigHash()), "%v", s)
			}
		}
	})
}

func TestHeartbeatsComeAsOftenAsOffered(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{})
		h.server.WaitHealthy(t, true)
		h.server.Mark()
		offered := time.Now()
		h.server.OfferConnection(beating())
		empty := func(m *protobufs.AgentToServer) bool {
			return m.GetAgentDescription() == nil && m.GetHealth() == nil && m.GetEffectiveConfig() == nil && m.GetRemoteConfigStatus() == nil
		}
		beats := 0
		h.server.WaitFor(t, "three heartbeats", patience, func(m *protobufs.AgentToServer) bool {
			if beats++; !empty(m) {
				beats = 0
			}
			return beats == 3
		})
		assert.GreaterOrEqual(t, time.Since(offered), time.Second, "one of them may have been on its way, and they may be late")
		for _, m := range h.server.Messages() {
			assert.Len(t, m.GetInstanceUid(), 16, "S-150")
		}
	})
}

func TestTheLastMessageIsTheGoodbye(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{})
		pid := h.collector()
		assert.Equal(t, 0, h.stop())
		messages := h.server.Messages()
		assert.NotNil(t, messages[len(messages)-1].GetAgentDisconnect(), "S-032, S-106")
		assert.False(t, h.server.State().GetHealth().GetHealthy())
		assert.Contains(t, h.server.State().GetHealth().GetLastError(), "shutting down")
		assert.False(t, alive(pid))
		if tr == testkit.WebSocket {
			assert.Equal(t, 1000, h.server.WaitConnection(t, "its end", patience, func(c testkit.Connection) bool { return !c.Closed.IsZero() }).Code)
		}
	})
}
