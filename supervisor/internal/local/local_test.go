package local_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
	"opampd/supervisor/internal/local"
)

func TestOnlyTheHolderOfTheTokenIsLetIn(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.refuses(t, "", http.StatusUnauthorized) // nobody is expected yet
	l.expect(t, 1, "secret")
	l.refuses(t, "", http.StatusUnauthorized)
	l.refuses(t, "Bearer wrong", http.StatusUnauthorized)
	l.refuses(t, "Bearer ", http.StatusUnauthorized)
	l.dial(t, "secret")
}

func TestPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http"+strings.TrimPrefix(l.url, "ws"), http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer secret")
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusUpgradeRequired, response.StatusCode)
}

func TestTokenIsMadeWhenNoneIsGiven(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	first, second := l.expect(t, 1, ""), l.expect(t, 2, "")
	assert.Len(t, first, 64)
	assert.NotEqual(t, first, second)
	l.refuses(t, "Bearer "+first, http.StatusUnauthorized) // its run is over
	l.dial(t, second)
}

func TestSecondClientIsRefusedWhileTheFirstLives(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	first := l.dial(t, "secret")
	first.say(t, described("m"))
	l.next(t)
	l.refuses(t, "Bearer secret", http.StatusConflict)
	first.say(t, described("m"))
	assert.IsType(t, core.AgentDescribed{}, l.next(t), "the first is as it was")
}

func TestReloadingCollectorIsLetInWhenItsOldSessionCloses(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	first := l.dial(t, "secret")
	first.say(t, described("old"))
	l.next(t)
	came := make(chan *client, 1)
	go func() { c, _ := l.tryDial(t.Context(), "Bearer secret"); came <- c }()
	require.NoError(t, first.ws.Close())
	second := <-came
	require.NotNil(t, second)
	second.say(t, described("new"))
	assert.Equal(t, core.AgentDisconnected{Run: 1}, l.next(t), "the end of the old one is told first")
	assert.Equal(t, "new", l.next(t).(core.AgentDescribed).Marker)
}

func TestCollectorOfAnOldRunIsCutOff(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "old")
	old := l.dial(t, "old")
	old.say(t, described("m"))
	l.next(t)
	l.lane.Run(t.Context(), core.Expect{Run: 2, Token: "new"})
	old.requireEnd(t)
	l.refuses(t, "Bearer old", http.StatusUnauthorized)
	l.dial(t, "new").say(t, described("m"))
	for ev := l.next(t); ; ev = l.next(t) {
		if d, ok := ev.(core.AgentDescribed); ok {
			assert.Equal(t, core.RunID(2), d.Run)
			return
		}
	}
}

func TestMarkerIsTakenOutOfTheDescription(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 3, "secret")
	l.dial(t, "secret").say(t, described("abc"))
	ev := l.next(t).(core.AgentDescribed)
	assert.Equal(t, "abc", ev.Marker)
	assert.Equal(t, core.RunID(3), ev.Run)
	assert.NotContains(t, ev.Description, "abc")
	assert.Contains(t, ev.Description, "host.name")
	assert.Contains(t, ev.Description, "service.name")
}

func TestSessionWithoutADescriptionIsAskedForEverything(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	c := l.dial(t, "secret")
	answer := c.say(t, &protobufs.AgentToServer{Health: &protobufs.ComponentHealth{Healthy: true}})
	assert.Equal(t, uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState), answer.GetFlags())
	full := described("m")
	full.Health = &protobufs.ComponentHealth{Healthy: true, Status: "StatusOK"}
	assert.Zero(t, c.say(t, full).GetFlags())
	assert.IsType(t, core.AgentDescribed{}, l.next(t), "what came before it was not believed")
	health := l.next(t).(core.AgentHealth)
	assert.True(t, health.Healthy)
	assert.Equal(t, "StatusOK", health.Status)
	assert.NotZero(t, health.At)
}

func TestComponentsAreAskedForWhenOnlyTheirHashCame(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	c := l.dial(t, "secret")
	c.say(t, described("m"))
	l.next(t)
	answer := c.say(t, &protobufs.AgentToServer{AvailableComponents: &protobufs.AvailableComponents{Hash: []byte{1}}})
	assert.Equal(t, uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportAvailableComponents), answer.GetFlags())
	answer = c.say(t, &protobufs.AgentToServer{AvailableComponents: &protobufs.AvailableComponents{
		Hash: []byte{1}, Components: map[string]*protobufs.ComponentDetails{"receivers": {}},
	}})
	assert.Zero(t, answer.GetFlags())
	assert.Contains(t, l.next(t).(core.AgentComponents).Body, "receivers")
}

func TestCustomMessagesGoBothWays(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	l.lane.Run(t.Context(), core.ForwardCapabilities{List: "org.server\norg.more"}) // before anybody is there
	c := l.dial(t, "secret")
	greeting := c.say(t, described("m"))
	assert.Equal(t, []string{"org.server", "org.more"}, greeting.GetCustomCapabilities().GetCapabilities())
	l.next(t)

	assert.Nil(t, c.say(t, &protobufs.AgentToServer{
		CustomCapabilities: &protobufs.CustomCapabilities{Capabilities: []string{"org.a", "org.b"}},
		CustomMessage:      &protobufs.CustomMessage{Capability: "org.a", Type: "t", Data: []byte{0, 0xff}},
	}).GetCustomCapabilities(), "they were told already")
	assert.Equal(t, "org.a\norg.b", l.next(t).(core.AgentCustomCapabilities).List)
	assert.Equal(t, core.Message{Capability: "org.a", Type: "t", Data: "\x00\xff"}, l.next(t).(core.AgentMessage).Message)

	l.lane.Run(t.Context(), core.Forward{Message: core.Message{Capability: "org.server", Type: "u", Data: "\xfe"}})
	heard := c.hear(t).GetCustomMessage()
	assert.Equal(t, "u", heard.GetType())
	assert.Equal(t, []byte{0xfe}, heard.GetData())
}

func TestForwardWithoutACollectorIsDropped(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.lane.Run(t.Context(), core.Forward{Message: core.Message{Capability: "org.server"}})
}

func TestForwardedMessagesAndAnswersDoNotMix(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	c := l.dial(t, "secret")
	c.say(t, described("m")) // now it is in
	const each = 200
	go func() {
		for range each {
			l.lane.Run(t.Context(), core.Forward{Message: core.Message{Capability: "c", Data: strings.Repeat("x", 2000)}})
		}
	}()
	go func() {
		for range each {
			_ = c.send(&protobufs.AgentToServer{InstanceUid: []byte("0123456789abcdef")})
		}
	}()
	answers, forwarded := 0, 0
	for answers+forwarded < 2*each {
		if m := c.hear(t); m.GetCustomMessage() == nil {
			answers++
		} else {
			forwarded++
		}
	}
	assert.Equal(t, each, answers)
}

func TestEffectiveConfigIsReportedForTheRenderedFileOnly(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	c := l.dial(t, "secret")
	rendered, err := effective.Render(effective.Input{Extension: effective.Extension{Endpoint: l.url, InstanceUID: "018f2f3e-0000-7000-8000-000000000001"}})
	require.NoError(t, err)
	report := &protobufs.AgentToServer{EffectiveConfig: &protobufs.EffectiveConfig{ConfigMap: &protobufs.AgentConfigMap{
		ConfigMap: map[string]*protobufs.AgentConfigFile{"": {Body: rendered.YAML}},
	}}}
	for _, file := range []string{"", "# of another hash\n", "# " + rendered.Hash + "\n\tnot YAML"} {
		l.rendered.Store(file)
		c.say(t, described(rendered.Hash))
		l.next(t)
		c.say(t, report)
	}
	l.rendered.Store("# " + rendered.Hash + "\n" + string(rendered.YAML))
	c.say(t, report)
	body := l.next(t).(core.AgentEffective).Body
	assert.Contains(t, body, "opamp")
	assert.NotContains(t, body, rendered.Hash, "the marker stays between us")
}

func TestComplaintsOfTheCollectorTellNoSecrets(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	l.rendered.Store("exporters: {otlp: {endpoint: '${env:SECRET}'}}")
	report := described("m")
	report.Health = &protobufs.ComponentHealth{
		Healthy: true, ComponentHealthMap: map[string]*protobufs.ComponentHealth{"pipeline": {LastError: "dial hush-1234: refused"}},
	}
	l.dial(t, "secret").say(t, report)
	l.next(t)
	health := l.next(t).(core.AgentHealth)
	assert.Contains(t, health.Tree, "dial ${env:SECRET}: refused")
	assert.NotContains(t, health.Tree, "hush-1234")
}

func TestGiantMessageEndsTheSession(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	c := l.dial(t, "secret")
	// The length alone, which nobody has to allocate: FIN and binary, masked, 64 bits of length.
	_, err := c.ws.NetConn().Write([]byte{0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4})
	require.NoError(t, err)
	_, _, err = c.ws.ReadMessage()
	assert.True(t, websocket.IsCloseError(err, websocket.CloseMessageTooBig), "%v", err)
	assert.IsType(t, core.AgentDisconnected{}, l.next(t))
	l.dial(t, "secret")
}

func TestWhatIsNotOpAMPEndsTheSession(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	l.expect(t, 1, "secret")
	for _, garbage := range []string{"", "\x01", "\x00\xff\xff\xff"} {
		c := l.dial(t, "secret")
		require.NoError(t, c.ws.WriteMessage(websocket.BinaryMessage, []byte(garbage)))
		c.requireEnd(t)
		assert.IsType(t, core.AgentDisconnected{}, l.next(t))
	}
	c := l.dial(t, "secret")
	require.NoError(t, c.ws.WriteMessage(websocket.TextMessage, []byte{0}))
	c.requireEnd(t)
}

func TestAddressOfAnEarlierLifeIsUsedAgain(t *testing.T) {
	t.Parallel()
	first, err := local.Listen(t.Context(), "", 0)
	require.NoError(t, err)
	endpoint := local.Endpoint(first)
	assert.Regexp(t, `^ws://127\.0\.0\.1:\d+/v1/opamp$`, endpoint)
	require.NoError(t, first.Close())
	second, err := local.Listen(t.Context(), endpoint, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = second.Close() })
	assert.Equal(t, endpoint, local.Endpoint(second))

	third, err := local.Listen(t.Context(), endpoint, 0) // taken
	require.NoError(t, err)
	t.Cleanup(func() { _ = third.Close() })
	assert.NotEqual(t, endpoint, local.Endpoint(third))
}

func TestTakenPortIsExplained(t *testing.T) {
	t.Parallel()
	taken, err := local.Listen(t.Context(), "", 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	_, err = local.Listen(t.Context(), "", taken.Addr().(*net.TCPAddr).Port)
	require.ErrorContains(t, err, "agent.opamp_server_port")
	assert.ErrorContains(t, err, "address already in use")
}
