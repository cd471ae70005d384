package upstream

import (
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/remoteconfig"
)

// everything is a message with all that a server can ask for at once.
func everything() *protobufs.ServerToAgent {
	endpoint := &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "https://otlp.example/v1/x"}
	return &protobufs.ServerToAgent{
		RemoteConfig: remote("h", map[string]string{"a.yaml": "b"}),
		ConnectionSettings: &protobufs.ConnectionSettingsOffers{
			OwnMetrics: endpoint, OwnTraces: endpoint, OwnLogs: endpoint,
		},
	}
}

func TestWhatWasNotGrantedIsNotObeyed(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", Grants{})
	assert.Empty(t, b.hears(everything()))
	assert.Empty(t, b.hears(&protobufs.ServerToAgent{Command: &protobufs.ServerToAgentCommand{}}))
	assert.Empty(t, b.blobs)
	assert.Equal(t, uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsStatus), Grants{}.Capabilities())
}

func TestOfferIsStoredBeforeItIsPosted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	b.Post = func(core.Event) { assert.Len(t, b.blobs, 1) }
	b.hear(&protobufs.ServerToAgent{RemoteConfig: remote("h", map[string]string{"b": "2", "a": "1"})})
	require.Len(t, b.blobs, 1)
	files, err := remoteconfig.Decode([]byte(b.blobs[0]))
	require.NoError(t, err)
	assert.Equal(t, []remoteconfig.File{
		{Name: "a", Type: "text/yaml", Body: []byte("1")}, {Name: "b", Type: "text/yaml", Body: []byte("2")},
	}, files)
}

func TestOfferThatCannotBeStoredIsPostedWithTheProblem(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	b.full = true
	events := b.hears(&protobufs.ServerToAgent{RemoteConfig: remote("h", map[string]string{"a": "1"})})
	assert.Equal(t, []core.Event{core.ConfigOffered{
		Offer: core.Offer{Hash: "68"}, Problem: "the configuration cannot be stored: no space left on device",
	}}, events)
}

func TestOddOffersAreOffers(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	empty := core.ConfigOffered{Offer: core.Offer{Body: "sha", Empty: true}}
	for name, c := range map[string]*protobufs.AgentRemoteConfig{
		"nothing at all": {},
		"no files":       {Config: &protobufs.AgentConfigMap{}},
		"a nil file":     {Config: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{"a": nil}}},
	} {
		assert.Equal(t, []core.Event{empty}, b.hears(&protobufs.ServerToAgent{RemoteConfig: c}), name)
	}
	nameless := b.hears(&protobufs.ServerToAgent{RemoteConfig: remote("", map[string]string{"": ""})})
	assert.Equal(t, []core.Event{core.ConfigOffered{Offer: core.Offer{Body: "sha"}}}, nameless, "an empty file is a file")
}

func TestCommandMakesTheRestOfTheMessageCountForNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	m := everything()
	m.Command = &protobufs.ServerToAgentCommand{Type: protobufs.CommandType_CommandType_Restart}
	assert.Equal(t, []core.Event{core.RestartRequested{}}, b.hears(m))
	m.Command.Type = 99 // of a later specification
	assert.Empty(t, b.hears(m))
}

func TestNewInstanceUIDIsTakenWhenItIsOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", Grants{})
	give := func(raw string) []core.Event {
		return b.hears(&protobufs.ServerToAgent{AgentIdentification: &protobufs.AgentIdentification{NewInstanceUid: []byte(raw)}})
	}
	assert.Equal(t, []core.Event{core.Renamed{UID: "30313233-3435-3637-3839-616263646566"}}, give("0123456789abcdef"))
	assert.Empty(t, give("0123"))
	assert.Contains(t, b.warnings(), "4 bytes")
	assert.Empty(t, give(string(make([]byte, 16))))
	assert.Empty(t, b.hears(&protobufs.ServerToAgent{AgentIdentification: &protobufs.AgentIdentification{}}))
}

func TestOwnTelemetryIsGrantedSignalBySignal(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", Grants{OwnTraces: true})
	events := b.hears(everything())
	require.Len(t, events, 1)
	signals := events[0].(core.TelemetryOffered).Signals
	assert.Empty(t, signals.Metrics+signals.Logs)
	assert.Contains(t, signals.Traces, "https://otlp.example/v1/x")
}

func TestOwnTelemetryThatCannotBeHonouredIsRefusedAloud(t *testing.T) {
	t.Parallel()
	for words, bad := range map[string]*protobufs.TelemetryConnectionSettings{
		"http:// or https:// URL": {DestinationEndpoint: "otlp.example:4318"},
		"URL":                     {DestinationEndpoint: "ftp://otlp.example"},
		"destination_endpoint":    {},
		"TLS":                     {DestinationEndpoint: "https://x", Tls: &protobufs.TLSConnectionSettings{}},
		"certificate":             {DestinationEndpoint: "https://x", Certificate: &protobufs.TLSCertificate{}},
		"proxy":                   {DestinationEndpoint: "https://x", Proxy: &protobufs.ProxyConnectionSettings{}},
	} {
		b := newBench(t, "ws://127.0.0.1:1", allGranted())
		good := &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "http://127.0.0.1:4318/v1/logs"}
		events := b.hears(&protobufs.ServerToAgent{ConnectionSettings: &protobufs.ConnectionSettingsOffers{OwnMetrics: bad, OwnLogs: good}})
		require.Len(t, events, 1, words)
		assert.Empty(t, events[0].(core.TelemetryOffered).Signals.Metrics)
		assert.NotEmpty(t, events[0].(core.TelemetryOffered).Signals.Logs)
		assert.Contains(t, b.warnings(), "own_metrics")
		assert.Contains(t, b.warnings(), words)
	}
}

func TestHeadersOfOwnTelemetryAreKept(t *testing.T) {
	t.Parallel()
	encoded, err := destination(&protobufs.TelemetryConnectionSettings{
		DestinationEndpoint: "https://x/v1/traces",
		Headers:             &protobufs.Headers{Headers: []*protobufs.Header{{Key: "Authorization", Value: "$ecret"}}},
	})
	require.NoError(t, err)
	assert.JSONEq(t, `{"endpoint":"https://x/v1/traces","headers":{"Authorization":"$ecret"}}`, encoded)
}

func TestCustomMessagesOfTheServerArePosted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", Grants{})
	assert.Equal(t, []core.Event{
		core.ServerCustomCapabilities{List: "a\nb"},
		core.ServerMessage{Message: core.Message{Capability: "a", Type: "t", Data: "\xff"}},
	}, b.hears(&protobufs.ServerToAgent{
		CustomCapabilities: &protobufs.CustomCapabilities{Capabilities: []string{"a", "b"}},
		CustomMessage:      &protobufs.CustomMessage{Capability: "a", Type: "t", Data: []byte{0xff}},
	}))
}
