package opampclient

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

const (
	applying = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING
	applied  = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED
	failed   = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED
)

func TestFirstMessageIsAFullReport(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.start()
		messages := w.server.all()
		require.Len(w.t, messages, 1, "S-060")
		assert.True(w.t, isFull(messages[0]))
		assert.Empty(w.t, messages[0].GetAvailableComponents().GetComponents(), "S-241")
		assert.Equal(w.t, "01020304-0506-7008-800a-0b0c0d0e0f10", messages[0].header.Get("OpAMP-Instance-UID"), "S-026")
		assert.Equal(w.t, 1, w.connected)
	})
}

func TestIdleClientSendsBareHeartbeats(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.start()
		w.pass(95 * time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 4)
		for i, m := range messages[1:] {
			assert.True(w.t, isBare(m), "S-067")
			assert.Equal(w.t, 30*time.Second, m.at.Sub(messages[i].at), "S-014, S-021")
		}
	})
}

func TestHeartbeatIsCountedFromTheLastMessage(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		w.pass(20 * time.Second)
		c.Set(health("x"))
		w.pass(29 * time.Second)
		assert.Len(w.t, w.server.all(), 2, "S-151")
	})
}

func TestOfferedHeartbeatIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		c.SetHeartbeat(2 * time.Second)
		w.pass(7 * time.Second)
		assert.Len(w.t, w.server.all(), 4)
		c.SetHeartbeat(-1)
		w.pass(4 * time.Second)
		assert.Len(w.t, w.server.all(), 6)
	})
}

func TestOnlyWhatChangedIsSent(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		c.Set(fullReport())
		w.pass(time.Second)
		require.Len(w.t, w.server.all(), 1, "nothing changed (S-063, G-19)")
		c.Set(health("broken"))
		w.pass(time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.Equal(w.t, "broken", messages[1].GetHealth().GetLastError())
		messages[1].Health = nil
		assert.True(w.t, isBare(messages[1]), "S-069")
	})
}

func TestAnsweringEveryMessageWithTheSameOfferMakesNoLoop(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.make()
		w.onMessage = func(*protobufs.ServerToAgent) {
			c.SendConfigStatus(status("offer", applied))
			c.Set(fullReport())
		}
		w.start()
		w.pass(29 * time.Second)
		assert.Len(w.t, w.server.all(), 2, "S-063: the report and one status")
	})
}

func TestChangesWithin50msTravelTogether(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		for i := range 40 {
			c.Set(health(fmt.Sprint(i)))
			w.pass(time.Millisecond)
		}
		w.pass(time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.Equal(w.t, "39", messages[1].GetHealth().GetLastError())
	})
}

func TestEachConfigStatusHasAMessageOfItsOwnInOrder(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		for _, s := range []*protobufs.RemoteConfigStatus{status("1", applying), status("1", failed), status("2", applying), status("2", applied)} {
			c.SendConfigStatus(s)
		}
		synctest.Wait() // no time passes: they do not wait for company
		var seen []string
		for _, m := range w.server.all()[1:] {
			s := m.GetRemoteConfigStatus()
			seen = append(seen, string(s.GetLastRemoteConfigHash())+s.GetStatus().String()[len("RemoteConfigStatuses_"):])
		}
		assert.Equal(w.t, []string{"1APPLYING", "1FAILED", "2APPLYING", "2APPLIED"}, seen)
	})
}

func TestWhileDisconnectedOnlyTheLatestConfigStatusIsKept(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		var up atomic.Bool
		w.server.gate = func(rw http.ResponseWriter, _ *http.Request) bool {
			if !up.Load() {
				rw.WriteHeader(http.StatusBadGateway)
			}
			return up.Load()
		}
		c := w.start()
		w.pass(time.Millisecond)
		c.SendConfigStatus(status("1", applying))
		c.SendConfigStatus(status("1", failed))
		up.Store(true)
		w.pass(time.Minute)
		messages := w.server.all()
		require.NotEmpty(w.t, messages)
		last := messages[0]
		assert.Equal(w.t, failed, last.GetRemoteConfigStatus().GetStatus(), "S-072")
		for _, m := range messages[1:] {
			assert.True(w.t, isBare(m))
		}
	})
}

func TestReportFullStateIsAnsweredInFull(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 1 {
				return reply{message: &protobufs.ServerToAgent{Flags: 1}}
			}
			return reply{}
		}
		w.start()
		w.pass(32 * time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 3)
		assert.True(w.t, isFull(messages[2]), "S-070")
	})
}

func TestReportFullStateInEveryAnswerMakesNoStorm(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.answer = func(int, *protobufs.AgentToServer) reply {
			return reply{message: &protobufs.ServerToAgent{Flags: 3}}
		}
		w.start()
		w.pass(10 * time.Second)
		assert.LessOrEqual(w.t, len(w.server.all()), 12)
	})
}

func TestFullComponentMapIsSentWhenAsked(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 0 {
				return reply{message: &protobufs.ServerToAgent{Flags: 2}}
			}
			return reply{}
		}
		c := w.start()
		w.pass(time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.Contains(w.t, messages[1].GetAvailableComponents().GetComponents(), "receivers", "S-242")
		assert.Nil(w.t, messages[1].GetHealth())
		c.Set(Report{AvailableComponents: fullReport().AvailableComponents})
		w.pass(time.Second)
		assert.Len(w.t, w.server.all(), 2, "S-244")
	})
}

func TestStopFlushesThenDisconnects(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		c.SendConfigStatus(status("1", applying))
		c.SendConfigStatus(status("1", applied))
		require.True(w.t, c.SendCustom(&protobufs.CustomMessage{Type: "a"}))
		require.True(w.t, c.SendCustom(&protobufs.CustomMessage{Type: "b"}))
		require.NoError(w.t, w.stop(&protobufs.ComponentHealth{Status: "stopped"}))
		messages := w.server.all()
		require.Len(w.t, messages, 3)
		last := messages[2]
		assert.NotNil(w.t, last.GetAgentDisconnect(), "S-032, S-106")
		assert.Equal(w.t, applied, last.GetRemoteConfigStatus().GetStatus())
		assert.Equal(w.t, "b", last.GetCustomMessage().GetType())
		assert.Equal(w.t, "stopped", lastHealth(messages), "S-260")
		assert.Empty(w.t, w.losses)
	})
}

func lastHealth(messages []got) string {
	s := ""
	for _, m := range messages {
		if h := m.GetHealth(); h != nil {
			s = h.GetStatus()
		}
	}
	return s
}

func TestStopDuringTheFirstAnswerStillSaysGoodbye(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		release := make(chan struct{})
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 0 {
				<-release
			}
			return reply{}
		}
		w.start()
		time.AfterFunc(time.Second, func() { close(release) })
		require.NoError(w.t, w.stop(nil))
		messages := w.server.all()
		assert.NotNil(w.t, messages[len(messages)-1].GetAgentDisconnect())
	})
}

func TestStopGivesUpAtItsDeadline(t *testing.T) {
	t.Parallel()
	on(t, []string{"http"}, func(w *world) {
		w.server.answer = func(int, *protobufs.AgentToServer) reply { return reply{swallow: true} }
		w.start()
		began := time.Now()
		require.ErrorIs(w.t, w.stop(nil), context.DeadlineExceeded)
		assert.Equal(w.t, 10*time.Second, time.Since(began))
	})
}

func TestStopEndsAWaitAtOnce(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.gate = func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.Header().Set("Retry-After", "600")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return false
		}
		w.start()
		began := time.Now()
		require.NoError(w.t, w.stop(nil))
		assert.Zero(w.t, time.Since(began))
	})
}

func TestMessageForAnotherAgentIsDropped(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 0 {
				return reply{message: &protobufs.ServerToAgent{InstanceUid: make([]byte, 16), Flags: 1}}
			}
			return reply{}
		}
		w.start()
		w.pass(time.Second)
		assert.Empty(w.t, w.received, "S-045")
		assert.Len(w.t, w.problems, 1)
		assert.Len(w.t, w.server.all(), 1)
	})
}

func TestNewUIDIsUsedFromTheNextMessageOnWithAFullReport(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		uid := testUID()
		uid[15]++
		c.SetUID([16]byte{})
		c.SetUID(uid)
		w.pass(time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.Equal(w.t, uid[:], messages[1].GetInstanceUid(), "S-044")
		assert.True(w.t, isFull(messages[1]))
		if w.transport == "http" {
			assert.Equal(w.t, "01020304-0506-7008-800a-0b0c0d0e0f11", messages[1].header.Get("OpAMP-Instance-UID"))
		}
		assert.Len(w.t, w.received, 2, "the answer under the old uid counts too")
	})
}

func TestPartsWithoutCapabilityAreNotSentUntilItIsOn(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.settings.Capabilities = 1 << 40
		c := w.start()
		first := w.server.all()[0]
		assert.EqualValues(w.t, 1, first.GetCapabilities())
		assert.NotNil(w.t, first.GetAgentDescription())
		first.AgentDescription, first.CustomCapabilities = nil, nil
		assert.True(w.t, isBare(first), "G-28, A-7")
		c.SetCapabilities(allBits)
		w.pass(time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.EqualValues(w.t, allBits, messages[1].GetCapabilities(), "S-053")
		assert.NotNil(w.t, messages[1].GetEffectiveConfig())
		assert.NotNil(w.t, messages[1].GetHealth())
	})
}

func TestEffectiveConfigIsKeptFromAServerThatDoesNotAcceptIt(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.answer = func(int, *protobufs.AgentToServer) reply {
			return reply{message: &protobufs.ServerToAgent{Capabilities: 3}}
		}
		c := w.start()
		changed := fullReport()
		changed.EffectiveConfig.ConfigMap.ConfigMap[""].Body = []byte("b")
		c.Set(changed)
		w.pass(20 * time.Second)
		assert.Len(w.t, w.server.all(), 1, "S-108")
	})
}

func TestUnavailableServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		details *protobufs.ServerErrorResponse_RetryInfo
		least   time.Duration
	}{
		{"for the time it says", &protobufs.ServerErrorResponse_RetryInfo{RetryInfo: &protobufs.RetryInfo{RetryAfterNanoseconds: 5e9}}, 5 * time.Second},
		{"for an hour at most", &protobufs.ServerErrorResponse_RetryInfo{RetryInfo: &protobufs.RetryInfo{RetryAfterNanoseconds: 1 << 63}}, time.Hour},
		{"for 30 seconds when it names no time", nil, 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			on(t, both(), func(w *world) {
				w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
					if n > 0 {
						return reply{}
					}
					e := &protobufs.ServerErrorResponse{Type: protobufs.ServerErrorResponseType_ServerErrorResponseType_Unavailable}
					if c.details != nil {
						e.Details = c.details
					}
					return reply{message: &protobufs.ServerToAgent{ErrorResponse: e}}
				}
				client := w.start()
				began := time.Now()
				client.Set(health("news"))
				w.pass(c.least - time.Second)
				before := w.server.all()
				if w.transport == "ws" {
					require.Len(w.t, before, 2)
					assert.NotNil(w.t, before[1].GetAgentDisconnect(), "A-12")
					assert.Equal(w.t, []int{1000}, w.server.closeCodes(), "S-092")
				} else {
					require.Len(w.t, before, 1, "S-094")
				}
				w.pass(3 * time.Second)
				after := w.server.all()[len(before):]
				require.NotEmpty(w.t, after)
				assert.GreaterOrEqual(w.t, after[0].at.Sub(began), c.least)
				assert.True(w.t, isFull(after[0]) || w.transport == "http" && after[0].GetHealth() != nil)
				assert.Zero(w.t, w.losses[0].wait.Truncate(time.Second)-c.least)
			})
		})
	}
}

func TestBadRequestIsNotRepeated(t *testing.T) {
	t.Parallel()
	for kind := range protobufs.ServerErrorResponseType_name {
		if kind == int32(protobufs.ServerErrorResponseType_ServerErrorResponseType_Unavailable) {
			kind = 77 // one that does not exist
		}
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			on(t, both(), func(w *world) {
				w.server.answer = func(int, *protobufs.AgentToServer) reply {
					return reply{message: &protobufs.ServerToAgent{ErrorResponse: &protobufs.ServerErrorResponse{
						Type: protobufs.ServerErrorResponseType(kind), ErrorMessage: strings.Repeat("no ", 1000),
					}}}
				}
				w.start()
				w.pass(40 * time.Second)
				messages := w.server.all()
				require.Len(w.t, messages, 2)
				assert.True(w.t, isBare(messages[1]), "S-091")
				require.Len(w.t, w.problems, 1, "W37")
				assert.Less(w.t, len(w.problems[0]), 500)
			})
		})
	}
}

func TestRefusedCredentialsAreNamedWithoutTheirValue(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.settings.Header = http.Header{"Authorization": {"Bearer hunter2"}}
		w.settings.URL += "/v1/opamp?token=hunter2"
		w.server.gate = func(rw http.ResponseWriter, r *http.Request) bool {
			assert.Equal(w.t, "Bearer hunter2", r.Header.Get("Authorization"))
			rw.WriteHeader(http.StatusUnauthorized)
			return false
		}
		w.start()
		w.pass(time.Minute)
		require.NotEmpty(w.t, w.losses)
		var refusal *StatusError
		require.ErrorAs(w.t, w.losses[0].err, &refusal)
		assert.Equal(w.t, 401, refusal.Code, "S-103")
		for _, l := range w.losses {
			assert.Contains(w.t, l.err.Error(), "401 Unauthorized")
			assert.NotContains(w.t, l.err.Error(), "hunter2")
		}
		assert.Zero(w.t, w.connected)
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"40", "date"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			on(t, both(), func(w *world) {
				w.server.gate = func(rw http.ResponseWriter, _ *http.Request) bool {
					if len(w.server.openings()) > 1 {
						return true
					}
					rw.Header().Set("Retry-After", value)
					if value == "date" {
						rw.Header().Set("Retry-After", time.Now().Add(40*time.Second).UTC().Format(http.TimeFormat))
					}
					rw.WriteHeader(http.StatusTooManyRequests)
					return false
				}
				c := w.start()
				c.Set(health("news")) // must not shorten it (S-096)
				w.pass(50 * time.Second)
				at := w.server.openings()
				require.GreaterOrEqual(w.t, len(at), 2)
				assert.GreaterOrEqual(w.t, at[1].Sub(at[0]), 40*time.Second, "S-095")
			})
		})
	}
}

func TestRedirectIsRefused(t *testing.T) {
	t.Parallel()
	for _, code := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			on(t, both(), func(w *world) {
				w.server.gate = func(rw http.ResponseWriter, r *http.Request) bool {
					assert.Equal(w.t, "/v1/opamp", r.URL.Path)
					rw.Header().Set("Location", "https://evil.test/steal")
					rw.WriteHeader(code)
					return false
				}
				w.start()
				require.Len(w.t, w.losses, 1)
				assert.ErrorContains(w.t, w.losses[0].err, "evil.test", "S-291")
				assert.Len(w.t, w.problems, 1)
			})
		})
	}
}

func TestMalformedMessageFailsTheSession(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.answer = func(int, *protobufs.AgentToServer) reply {
			return reply{raw: []byte{0, 0xff, 0xff, 0xff}, kind: 2}
		}
		w.start()
		w.pass(10 * time.Second)
		assert.LessOrEqual(w.t, len(w.server.openings()), 15, "G-02")
		assert.Empty(w.t, w.received)
		assert.Len(w.t, w.problems, 1, "W37")
		assert.ErrorIs(w.t, w.losses[0].err, errMalformed)
		for _, m := range w.server.all() {
			assert.True(w.t, isFull(m))
		}
	})
}

func TestOversizeMessageIsNotProcessed(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.settings.MaxMessage = 1000
		w.server.answer = func(int, *protobufs.AgentToServer) reply {
			return reply{message: &protobufs.ServerToAgent{CustomMessage: &protobufs.CustomMessage{Data: make([]byte, 1000)}}}
		}
		w.start()
		assert.Empty(w.t, w.received, "S-009, S-028")
		assert.ErrorIs(w.t, w.losses[0].err, errOversize)
		assert.Len(w.t, w.problems, 1)
		if w.transport == "ws" {
			assert.Equal(w.t, []int{1009}, w.server.closeCodes(), "S-010")
		}
	})
}

func TestOversizeReportLosesItsEffectiveConfigOnly(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.settings.MaxMessage = 2000
		c := w.make()
		big := fullReport()
		big.EffectiveConfig.ConfigMap.ConfigMap[""].Body = make([]byte, 3000)
		w.start()
		c.Set(big)
		c.Set(health("still told"))
		w.pass(time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.Nil(w.t, messages[1].GetEffectiveConfig(), "S-011")
		assert.Equal(w.t, "still told", messages[1].GetHealth().GetLastError())
		require.Len(w.t, w.problems, 1)
		assert.Contains(w.t, w.problems[0], "effective_config")
		c.Set(Report{EffectiveConfig: fullReport().EffectiveConfig})
		w.pass(time.Second)
		assert.Len(w.t, w.server.all(), 2, "the server still has this value")
	})
}

func TestInvalidTextDoesNotLoseTheReport(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		c.Set(health("bad \xff byte" + strings.Repeat("x", 1<<20)))
		w.pass(time.Second)
		last := w.server.all()[1].GetHealth().GetLastError()
		assert.Contains(w.t, last, "bad \ufffd byte", "S-085, G-12")
		assert.LessOrEqual(w.t, len(last), maxErrorText, "S-086")
	})
}

func TestServerThatStopsAnsweringIsLeft(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply { return reply{swallow: n >= 2} }
		w.start()
		w.pass(149 * time.Second) // two answered, then 90 s of silence from 60 s on
		require.Empty(w.t, w.losses)
		w.pass(3 * time.Second)
		require.Len(w.t, w.losses, 1, "S-104")
		require.ErrorIs(w.t, w.losses[0].err, errSilent)
		messages := w.server.all()
		assert.True(w.t, isFull(messages[len(messages)-1]))
	})
}

func TestHostileMessagesDoNoHarm(t *testing.T) {
	t.Parallel()
	hostile := []*protobufs.ServerToAgent{
		{},
		{RemoteConfig: &protobufs.AgentRemoteConfig{}},
		{RemoteConfig: &protobufs.AgentRemoteConfig{Config: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{"x": nil}}}},
		{ConnectionSettings: &protobufs.ConnectionSettingsOffers{Opamp: &protobufs.OpAMPConnectionSettings{HeartbeatIntervalSeconds: 1 << 63}}},
		{PackagesAvailable: &protobufs.PackagesAvailable{Packages: map[string]*protobufs.PackageAvailable{"x": nil}}},
		{Command: &protobufs.ServerToAgentCommand{Type: 7}},
		{Flags: 1<<64 - 4, Capabilities: 1<<64 - 1},
		{AgentIdentification: &protobufs.AgentIdentification{NewInstanceUid: []byte("short")}},
		{CustomMessage: &protobufs.CustomMessage{}},
		{ErrorResponse: &protobufs.ServerErrorResponse{}},
		{InstanceUid: []byte("x")},
		{InstanceUid: make([]byte, 1000)},
	}
	on(t, both(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n >= len(hostile) {
				return reply{}
			}
			m := &protobufs.ServerToAgent{}
			data := wire(w.t, hostile[n])
			assert.NoError(w.t, proto.Unmarshal(data[1:], m))
			return reply{message: m}
		}
		w.settings.Heartbeat = time.Second
		w.start()
		w.pass(30 * time.Second)
		assert.Empty(w.t, w.losses)
		assert.Len(w.t, w.received, len(w.server.all())-2, "all but those for other agents")
	})
}

func TestCustomMessagesGoOutInOrderAndAreBounded(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.make()
		for i := range 64 {
			require.True(w.t, c.SendCustom(&protobufs.CustomMessage{Type: fmt.Sprint(i)}))
		}
		require.False(w.t, c.SendCustom(&protobufs.CustomMessage{}))
		require.False(w.t, c.SendCustom(nil))
		w.start()
		for i, m := range w.server.all() {
			assert.Equal(w.t, fmt.Sprint(i), m.GetCustomMessage().GetType(), "G-18")
		}
		assert.Len(w.t, w.server.all(), 64)
		assert.True(w.t, c.SendCustom(&protobufs.CustomMessage{}))
	})
}

func TestCallersOwnTheirMessages(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.start()
		h := &protobufs.ComponentHealth{LastError: "as given"}
		c.Set(Report{Health: h})
		h.LastError = "changed later"
		w.pass(time.Second)
		assert.Equal(w.t, "as given", w.server.all()[1].GetHealth().GetLastError())
	})
}
