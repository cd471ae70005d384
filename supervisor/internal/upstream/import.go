package upstream

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/remoteconfig"
)

// ImportConfig reads an AgentRemoteConfig as the reference supervisor keeps it in its
// .dat files, and returns the offer, without its body's name, and the body to store.
func ImportConfig(raw []byte) (core.Offer, []byte, error) {
	var c protobufs.AgentRemoteConfig
	if len(raw) == 0 {
		return core.Offer{}, nil, errors.New("there is no configuration")
	}
	if err := proto.Unmarshal(raw, &c); err != nil {
		return core.Offer{}, nil, fmt.Errorf("read the kept configuration: %w", err)
	}
	files := Files(&c)
	body, err := remoteconfig.Encode(files)
	return core.Offer{Hash: hex.EncodeToString(c.GetConfigHash()), Empty: len(files) == 0}, body, err
}

// ImportTelemetry reads the ConnectionSettingsOffers that the reference supervisor
// keeps. What opampd would not accept is left out.
func ImportTelemetry(raw []byte) (core.Signals, error) {
	var offers protobufs.ConnectionSettingsOffers
	if err := proto.Unmarshal(raw, &offers); err != nil {
		return core.Signals{}, fmt.Errorf("read the kept own telemetry settings: %w", err)
	}
	var signals core.Signals
	for offered, kept := range map[*protobufs.TelemetryConnectionSettings]*string{
		offers.GetOwnMetrics(): &signals.Metrics, offers.GetOwnTraces(): &signals.Traces, offers.GetOwnLogs(): &signals.Logs,
	} {
		if offered != nil {
			*kept, _ = destination(offered)
		}
	}
	return signals, nil
}
