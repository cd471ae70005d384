package opampclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ws() []string { return []string{"ws"} }

func plain() []string { return []string{"http"} }

func TestStopClosesTheWebSocketNormally(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.start()
		require.NoError(w.t, w.stop(nil))
		synctest.Wait()
		assert.Equal(w.t, []int{1000}, w.server.closeCodes(), "S-106")
	})
}

func TestFramesThatAreNotOpAMPFailTheSession(t *testing.T) {
	t.Parallel()
	for name, rep := range map[string]reply{
		"text":         {raw: []byte{0}, kind: websocket.TextMessage},
		"other header": {raw: []byte{1}, kind: websocket.BinaryMessage},
		"no header":    {raw: []byte{}, kind: websocket.BinaryMessage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, ws(), func(w *world) {
				w.server.answer = func(int, *protobufs.AgentToServer) reply { return rep }
				w.start()
				assert.Empty(w.t, w.received, "S-006")
				require.NotEmpty(w.t, w.losses)
				require.ErrorIs(w.t, w.losses[0].err, errMalformed)
				assert.Equal(w.t, websocket.CloseProtocolError, w.server.closeCodes()[0])
			})
		})
	}
}

func TestLoneHeaderIsAnEmptyMessage(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.server.answer = func(int, *protobufs.AgentToServer) reply {
			return reply{raw: []byte{0}, kind: websocket.BinaryMessage}
		}
		w.start()
		assert.Len(w.t, w.received, 1, "S-008")
		assert.Empty(w.t, w.losses)
	})
}

func TestServerMaySpeakFirst(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.start()
		for range 5 {
			w.server.push <- &protobufs.ServerToAgent{RemoteConfig: &protobufs.AgentRemoteConfig{}}
		}
		synctest.Wait()
		assert.Len(w.t, w.received, 6, "S-015, S-066")
	})
}

func TestOfferedZeroTurnsHeartbeatsOffButNotTheWatch(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		c := w.start()
		c.SetHeartbeat(0)
		w.pass(10 * time.Minute)
		assert.Len(w.t, w.server.all(), 1, "S-149")
		assert.Empty(w.t, w.losses)
		assert.GreaterOrEqual(w.t, w.server.pings, 19, "A-1")
	})
}

func TestWithoutTheCapabilityThereAreNoHeartbeats(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.settings.Capabilities = allBits &^ 0x2000
		w.start()
		w.pass(10 * time.Minute)
		assert.Len(w.t, w.server.all(), 1, "G-20")
	})
}

func TestPollingGoesOnWhenZeroIsOffered(t *testing.T) {
	t.Parallel()
	on(t, plain(), func(w *world) {
		w.settings.Capabilities = 1
		c := w.start()
		c.SetHeartbeat(0)
		w.pass(61 * time.Second)
		assert.Len(w.t, w.server.all(), 3, "G-21")
	})
}

func TestHalfOpenConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.lossy = true
		hang := make(chan struct{})
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 1 {
				<-hang // the server neither reads nor answers, and no pong comes
			}
			return reply{}
		}
		w.start()
		w.pass(2 * time.Minute)
		require.NotEmpty(w.t, w.losses)
		assert.ErrorContains(w.t, w.losses[0].err, "timeout", "G-06")
		close(hang)
	})
}

func TestHandshakeThatHangsEndsAfter30Seconds(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		hang := make(chan struct{})
		w.server.gate = func(http.ResponseWriter, *http.Request) bool {
			<-hang
			return false
		}
		w.start()
		w.pass(handshakeTimeout + time.Millisecond)
		require.Len(w.t, w.losses, 1)
		close(hang)
	})
}

func TestStopEndsAHangingHandshake(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		hang := make(chan struct{})
		w.server.gate = func(http.ResponseWriter, *http.Request) bool {
			<-hang
			return false
		}
		w.start()
		began := time.Now()
		require.NoError(w.t, w.stop(nil))
		assert.Zero(w.t, time.Since(began))
		close(hang)
	})
}

func TestWebSocketHasNoCompressionThatWouldHideTheSizeOfAMessage(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.server.gate = func(_ http.ResponseWriter, r *http.Request) bool {
			assert.Empty(w.t, r.Header.Get("Sec-WebSocket-Extensions"), "S-009")
			return true
		}
		w.start()
		assert.NotEmpty(w.t, w.server.all())
	})
}

func TestCloseWith1009ShrinksTheNextReport(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 0 {
				return reply{closeCode: websocket.CloseMessageTooBig}
			}
			return reply{}
		}
		w.start()
		w.pass(2 * time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.Nil(w.t, messages[1].GetEffectiveConfig(), "S-011")
		assert.NotNil(w.t, messages[1].GetHealth())
	})
}

func TestServerCloseIsAnsweredAndFollowedByAFullReport(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 1 {
				return reply{closeCode: websocket.CloseGoingAway}
			}
			return reply{}
		}
		w.start()
		w.pass(32 * time.Second)
		assert.Equal(w.t, []int{websocket.CloseGoingAway}, w.server.closeCodes(), "S-107")
		messages := w.server.all()
		require.Len(w.t, messages, 3)
		assert.True(w.t, isFull(messages[2]), "G-10")
		assert.LessOrEqual(w.t, w.losses[0].wait, time.Second, "S-100")
	})
}

func TestLostPollIsFollowedByAFullReport(t *testing.T) {
	t.Parallel()
	on(t, plain(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 1 {
				return reply{status: http.StatusBadGateway}
			}
			return reply{}
		}
		c := w.start()
		w.pass(11 * time.Second)
		c.SendConfigStatus(status("1", applied))
		w.pass(2 * time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 3)
		assert.True(w.t, isFull(messages[2]), "G-08")
		assert.Equal(w.t, applied, messages[2].GetRemoteConfigStatus().GetStatus())
	})
}

func TestAReportThatIsTooLargeForTheServerIsNotRepeated(t *testing.T) {
	t.Parallel()
	on(t, plain(), func(w *world) {
		w.server.answer = func(_ int, m *protobufs.AgentToServer) reply {
			if m.GetEffectiveConfig() != nil {
				return reply{status: http.StatusRequestEntityTooLarge}
			}
			return reply{}
		}
		c := w.start()
		w.pass(5 * time.Second)
		messages := w.server.all()
		require.Len(w.t, messages, 2)
		assert.Nil(w.t, messages[1].GetEffectiveConfig(), "S-030")
		assert.NotNil(w.t, messages[1].GetHealth())
		c.Set(fullReport())
		w.pass(5 * time.Second)
		assert.Len(w.t, w.server.all(), 2)
	})
}

func TestPollsHaveTheHeadersOfTheProtocolWhateverTheFileSays(t *testing.T) {
	t.Parallel()
	on(t, plain(), func(w *world) {
		w.settings.Header = http.Header{"Accept-Encoding": {"identity"}, "Content-Encoding": {"br"}, "Content-Type": {"text/plain"}, "Host": {"virtual.test"}}
		w.server.gate = func(_ http.ResponseWriter, r *http.Request) bool {
			assert.Empty(w.t, r.Header.Get("Content-Encoding"), "S-025")
			assert.Equal(w.t, "gzip", r.Header.Get("Accept-Encoding"), "S-027")
			assert.Equal(w.t, "virtual.test", r.Host)
			return true
		}
		w.start()
		assert.True(w.t, isFull(w.server.all()[0]))
	})
}

func TestGzipBombIsNotInflated(t *testing.T) {
	t.Parallel()
	on(t, plain(), func(w *world) {
		var bomb bytes.Buffer
		z := gzip.NewWriter(&bomb)
		_, err := z.Write(make([]byte, 1<<20))
		require.NoError(w.t, err)
		require.NoError(w.t, z.Close())
		w.settings.MaxMessage = 10_000
		w.server.answer = func(int, *protobufs.AgentToServer) reply {
			return reply{raw: bomb.Bytes(), header: http.Header{"Content-Encoding": {"gzip"}}}
		}
		w.start()
		require.NotEmpty(w.t, w.losses)
		assert.ErrorIs(w.t, w.losses[0].err, errOversize, "S-028, G-05")
	})
}

func TestAChangeDuringAPollFollowsRightAfterIt(t *testing.T) {
	t.Parallel()
	on(t, plain(), func(w *world) {
		slow := make(chan struct{})
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			if n == 0 {
				<-slow
			}
			return reply{}
		}
		c := w.start()
		c.Set(health("x"))
		w.pass(time.Second)
		assert.Len(w.t, w.server.all(), 1, "S-023")
		close(slow)
		synctest.Wait()
		assert.Len(w.t, w.server.all(), 2)
	})
}

// Whatever a server does to make a client come back at once, it must not succeed.
func TestConnectsIn10SecondsStayFew(t *testing.T) {
	t.Parallel()
	accept := func(rw http.ResponseWriter, r *http.Request) bool {
		if ws, err := (&websocket.Upgrader{}).Upgrade(rw, r, nil); err == nil {
			_ = ws.Close()
		}
		return false
	}
	refuse := func(rw http.ResponseWriter, _ *http.Request) bool {
		rw.WriteHeader(http.StatusInternalServerError)
		return false
	}
	for name, gate := range map[string]func(http.ResponseWriter, *http.Request) bool{"ws": accept, "http": refuse} {
		on(t, []string{name}, func(w *world) {
			w.server.gate = gate
			w.start()
			w.pass(10 * time.Second)
			n := len(w.server.openings())
			w.t.Logf("%d connects in 10 s", n)
			assert.LessOrEqual(w.t, n, 15, "G-02")
		})
	}
}

func TestLossOfAGoodConnectionIsRetriedWithinASecond(t *testing.T) {
	t.Parallel()
	on(t, ws(), func(w *world) {
		w.server.answer = func(n int, _ *protobufs.AgentToServer) reply {
			return reply{closeCode: map[bool]int{true: websocket.CloseServiceRestart}[n%2 == 1]}
		}
		w.start()
		w.pass(10 * time.Minute)
		require.Greater(w.t, len(w.losses), 5)
		for _, l := range w.losses {
			assert.LessOrEqual(w.t, l.wait, time.Second, "S-100")
			assert.Contains(w.t, l.err.Error(), "attempt 1")
		}
	})
}

func TestServerThatIsDownIsAskedLessAndLess(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.make()
		c.dial = func(_ context.Context, _, _ string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
		w.start()
		w.pass(time.Hour)
		assert.Less(w.t, len(w.losses), 200)
		assert.Greater(w.t, len(w.losses), 60)
		for _, l := range w.losses {
			assert.LessOrEqual(w.t, l.wait, 60*time.Second, "S-098")
		}
	})
}
