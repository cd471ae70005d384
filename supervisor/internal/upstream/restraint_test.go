package upstream

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func TestOfferThatIsTooLargeToKeepIsAnsweredButNotStored(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	hash, body := strings.Repeat("h", 3*maxHash), strings.Repeat("b", maxStored)
	for problem, c := range map[string]*protobufs.AgentRemoteConfig{
		"the config_hash has 3072 bytes":        remote(hash, map[string]string{"a": "1"}),
		"the configuration has 16777226 bytes":  remote("h", map[string]string{"a": body}),
		"at most 16777216 are taken":            remote("h", map[string]string{"a": body[1:], "b": "22"}),
		"the config_hash has 1025 bytes, at mo": remote(hash[:maxHash+1], nil),
	} {
		events := b.hears(&protobufs.ServerToAgent{RemoteConfig: c})
		require.Len(t, events, 1)
		refused, ok := events[0].(core.ConfigOffered)
		require.True(t, ok)
		assert.Contains(t, refused.Problem, problem)
		assert.Len(t, refused.Offer.Hash, 2*min(len(c.GetConfigHash()), maxHash))
	}
	assert.Empty(t, b.blobs)
	kept := b.hears(&protobufs.ServerToAgent{RemoteConfig: remote(hash[:maxHash], nil)})
	assert.Equal(t, []core.Event{core.ConfigOffered{Offer: core.Offer{
		Hash: hex.EncodeToString([]byte(hash[:maxHash])), Body: "sha", Empty: true,
	}}}, kept)
}

func TestDestinationThatIsTooLargeToKeepIsRefusedAloud(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	assert.Empty(t, b.hears(&protobufs.ServerToAgent{ConnectionSettings: &protobufs.ConnectionSettingsOffers{
		OwnMetrics: &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "https://x/" + strings.Repeat("p", maxDestination)},
		OwnLogs: &protobufs.TelemetryConnectionSettings{
			DestinationEndpoint: "https://x",
			Headers:             &protobufs.Headers{Headers: []*protobufs.Header{{Key: "k", Value: strings.Repeat("v", maxDestination)}}},
		},
	}}))
	assert.Contains(t, b.warnings(), "own_metrics is refused: its URL and headers have")
	assert.Contains(t, b.warnings(), "own_logs is refused: its URL and headers have")
	assert.NotContains(t, b.warnings(), "vvv")
}

func TestCustomTrafficThatIsTooLargeIsDroppedAloud(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", Grants{})
	for range 100 {
		assert.Empty(t, b.hears(&protobufs.ServerToAgent{
			CustomCapabilities: &protobufs.CustomCapabilities{Capabilities: []string{strings.Repeat("c", maxCapabilities), "d"}},
			CustomMessage:      &protobufs.CustomMessage{Capability: "c", Data: bytes.Repeat([]byte{1}, maxCustomMessage)},
		}))
	}
	assert.Contains(t, b.warnings(), "list of custom capabilities is dropped")
	assert.Contains(t, b.warnings(), "custom message of the server is dropped")
	assert.Len(t, b.warned, 2, "not for each message")
}

func TestServerCannotRenameTheAgentWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "ws://127.0.0.1:1", Grants{})
		given := byte(0)
		give := func() []core.Event {
			given++
			raw := bytes.Repeat([]byte{given}, 16)
			return b.hears(&protobufs.ServerToAgent{AgentIdentification: &protobufs.AgentIdentification{NewInstanceUid: raw}})
		}
		reconnect := func() { b.restraint.renamed = false }

		assert.Len(t, give(), 1)
		given--
		assert.Empty(t, give(), "the same again")
		assert.Empty(t, b.warnings(), "is no fault")
		for range 100 {
			assert.Empty(t, give())
		}
		assert.Len(t, b.warned, 1)
		reconnect()
		assert.Empty(t, give(), "so soon")
		<-time.After(renamePause)
		assert.Len(t, give(), 1)
		<-time.After(renamePause)
		assert.Empty(t, give(), "on the same connection")
		reconnect()
		assert.Len(t, give(), 1)
	})
}
