package opampclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"wss://h:4320":          "wss://h:4320/v1/opamp",
		"ws://h/x?y=z#fragment": "ws://h/x?y=z",
		"http://h/":             "http://h/",
		"HTTPS://h":             "https://h/v1/opamp",
	} {
		u, err := parseEndpoint(raw)
		require.NoError(t, err, raw)
		assert.Equal(t, want, u.String(), "S-002")
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	uid := [16]byte{1}
	for name, s := range map[string]Settings{
		"scheme":    {URL: "ftp://h", UID: uid},
		"no scheme": {URL: "h:4320", UID: uid},
		"no host":   {URL: "ws:///x", UID: uid},
		"password":  {URL: "ws://user:hunter2@h", UID: uid},
		"no URL":    {URL: "ws://h\x00hunter2", UID: uid},
		"uid":       {URL: "ws://h"},
		"header":    {URL: "ws://h", UID: uid, Header: http.Header{"sec-websocket-key": {"x"}}},
		"new line":  {URL: "ws://h", UID: uid, Header: http.Header{"X-A": {"hunter2\r\nX-B: c"}}},
	} {
		_, err := New(s, Events{})
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestTLSIsNeverBelow12(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, tls.VersionTLS12, tlsConfig(nil).MinVersion)
	assert.EqualValues(t, tls.VersionTLS12, tlsConfig(&tls.Config{MinVersion: tls.VersionTLS10}).MinVersion)
	assert.EqualValues(t, tls.VersionTLS13, tlsConfig(&tls.Config{MinVersion: tls.VersionTLS13}).MinVersion)
}

func TestStatusErrorsAreForPeople(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		401: "credentials", 403: "credentials", 404: "no OpAMP endpoint", 413: "too large", 302: "redirects", 500: "500 Internal Server Error", 299: "299",
	} {
		assert.Contains(t, (&StatusError{Code: code}).Error(), want)
	}
}

func TestRetryAfterForms(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	for value, want := range map[string]time.Duration{
		"": 0, "x": 0, "-1": 0, "0": 0, "2": 2 * time.Second, "3600": time.Hour, "4000000000": time.Hour, "99999999999999999999": 0,
		now.Add(time.Minute).UTC().Format(http.TimeFormat):       time.Minute,
		now.Add(-time.Minute).UTC().Format(http.TimeFormat):      0,
		now.Add(24 * time.Hour).UTC().Format(http.TimeFormat):    time.Hour,
		now.Add(time.Minute).UTC().Format(time.RFC850) + " junk": 0,
	} {
		assert.Equal(t, want, retryAfter(value, now), value)
	}
}

func TestWaitsSpreadOverAGrowingRange(t *testing.T) {
	t.Parallel()
	limits := []float64{1, 2, 4, 8, 16, 32, 60, 60}
	for range 200 {
		p := newPacer()
		for _, limit := range limits {
			assert.LessOrEqual(t, p.next(false, nil).Seconds(), limit+0.001)
		}
		assert.LessOrEqual(t, p.next(true, nil), time.Second+time.Millisecond)
		assert.Equal(t, 1, p.attempts)
	}
}

func TestTheServersWishIsTheLeastWait(t *testing.T) {
	t.Parallel()
	wait := newPacer().next(true, fmt.Errorf("x: %w", &StatusError{RetryAfter: time.Minute}))
	assert.GreaterOrEqual(t, wait, time.Minute)
	assert.LessOrEqual(t, wait, time.Minute+time.Second+time.Millisecond)
}

func TestProblemsAreToldOnceAMinute(t *testing.T) {
	t.Parallel()
	var lines []string
	n := newNotifier(Events{Problem: func(s string) { lines = append(lines, s) }})
	for range 1000 {
		n.problem("kind", "detail")
	}
	n.seen["kind"].told = time.Now().Add(-problemPeriod)
	n.problem("kind", "detail")
	assert.Equal(t, []string{"kind: detail", "kind: detail (1001 times)"}, lines)
}

func TestMissingCallbacksAreNoTrouble(t *testing.T) {
	t.Parallel()
	n := newNotifier(Events{})
	assert.NotPanics(t, func() {
		n.connected()
		n.disconnected(errSilent, 0)
		n.message(nil)
		n.problem("a", "b")
	})
}

func TestClientRunsOnce(t *testing.T) {
	t.Parallel()
	c, err := New(Settings{URL: "ws://h", UID: [16]byte{1}}, Events{})
	require.NoError(t, err)
	require.NoError(t, c.Stop(t.Context(), nil), "Stop before Run")
	require.NoError(t, c.Stop(t.Context(), nil), "and again")
	require.Error(t, c.Run(t.Context()))
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	on(t, both(), func(w *world) {
		c := w.make()
		ctx, cancel := context.WithCancel(w.t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		w.pass(time.Second)
		require.Error(w.t, c.Run(ctx), "a second Run")
		cancel()
		assert.Error(w.t, <-ended)
		assert.Nil(w.t, w.server.all()[0].GetAgentDisconnect())
	})
}

func TestCleanReachesEveryText(t *testing.T) {
	t.Parallel()
	bad := "\xff"
	list := &protobufs.AnyValue{Value: &protobufs.AnyValue_ArrayValue{ArrayValue: &protobufs.ArrayValue{
		Values: []*protobufs.AnyValue{text("", bad).GetValue(), nil},
	}}}
	m := cleaned(&protobufs.AgentToServer{
		AgentDescription:   &protobufs.AgentDescription{IdentifyingAttributes: []*protobufs.KeyValue{{Key: bad, Value: list}, nil}},
		Health:             &protobufs.ComponentHealth{ComponentHealthMap: map[string]*protobufs.ComponentHealth{bad: {Status: bad}, "nil": nil}},
		CustomCapabilities: &protobufs.CustomCapabilities{Capabilities: []string{bad, "good"}},
		EffectiveConfig: &protobufs.EffectiveConfig{ConfigMap: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{
			"": {Body: []byte(bad), ContentType: bad},
		}}},
	})
	_, err := proto.Marshal(m)
	require.NoError(t, err)
	assert.Equal(t, []byte(bad), m.GetEffectiveConfig().GetConfigMap().GetConfigMap()[""].GetBody(), "bodies are bytes")
	assert.Contains(t, m.GetHealth().GetComponentHealthMap(), "\ufffd")
	assert.Equal(t, []string{"\ufffd", "good"}, m.GetCustomCapabilities().GetCapabilities())
}

func TestClipKeepsTextValidAndShort(t *testing.T) {
	t.Parallel()
	for _, s := range []string{strings.Repeat("é", 100), strings.Repeat("x", 100), strings.Repeat("\xffx", 100), strings.Repeat("€", 100)} {
		for limit := 10; limit < 20; limit++ {
			got := clip(s, limit)
			assert.LessOrEqual(t, len(got), limit)
			assert.True(t, utf8.ValidString(got))
			assert.True(t, strings.HasSuffix(got, "…"))
		}
	}
	assert.Equal(t, "short", clip("short", 5))
}

func TestBadProxySettingDoesNotShowItsPassword(t *testing.T) {
	t.Parallel()
	c, err := New(Settings{URL: "ws://h", UID: [16]byte{1}, Proxy: func(*http.Request) (*url.URL, error) {
		return nil, errors.New("parse hunter2")
	}}, Events{})
	require.NoError(t, err)
	_, err = c.open(t.Context())
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{1, 2, 3})
	whole, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, &protobufs.ServerToAgent{
		Flags: 1, ErrorResponse: &protobufs.ServerErrorResponse{ErrorMessage: "x"},
		RemoteConfig: &protobufs.AgentRemoteConfig{ConfigHash: []byte("h")},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := decodeFrame(frame)
		if err != nil {
			require.ErrorIs(t, err, errMalformed)
			return
		}
		client, err := New(Settings{URL: "ws://h", UID: [16]byte{1}}, Events{})
		require.NoError(t, err)
		_ = newSession(client).heard(m)
	})
}

func TestStatusesOfABurstOfOffersAreAllTold(t *testing.T) {
	t.Parallel()
	box := newOutbox([16]byte{1}, 0, 0, false)
	box.online()
	for i := range maxStatuses {
		box.addStatus(&protobufs.RemoteConfigStatus{LastRemoteConfigHash: []byte{byte(i)}})
	}
	for i := range 64 {
		assert.Equal(t, []byte{byte(i)}, box.take().status.GetLastRemoteConfigHash())
	}
	assert.False(t, box.urgent())
}
