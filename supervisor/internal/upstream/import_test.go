package upstream

import (
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func TestConfigurationOfTheReferenceIsTakenOver(t *testing.T) {
	t.Parallel()
	offer, body, err := ImportConfig([]byte(encoded(t, remote("\x0a", map[string]string{"a": "b"}))))
	require.NoError(t, err)
	assert.Equal(t, core.Offer{Hash: "0a"}, offer)
	assert.Contains(t, string(body), `"name":"a"`)

	offer, _, err = ImportConfig([]byte(encoded(t, remote("\x0b", nil))))
	require.NoError(t, err)
	assert.Equal(t, core.Offer{Hash: "0b", Empty: true}, offer)
}

func TestWhatIsNoConfigurationIsNotTakenOver(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "\xff\xff"} {
		_, _, err := ImportConfig([]byte(raw))
		assert.Error(t, err)
	}
}

func TestOwnTelemetryOfTheReferenceIsTakenOverAsFarAsItIsAccepted(t *testing.T) {
	t.Parallel()
	signals, err := ImportTelemetry([]byte(encoded(t, &protobufs.ConnectionSettingsOffers{
		OwnMetrics: &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "https://x/v1/metrics"},
		OwnLogs:    &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "gopher://x"},
	})))
	require.NoError(t, err)
	assert.Contains(t, signals.Metrics, "https://x/v1/metrics")
	assert.Empty(t, signals.Traces+signals.Logs)
	_, err = ImportTelemetry([]byte("\xff"))
	assert.Error(t, err)
}
