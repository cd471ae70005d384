package upstream

import "github.com/open-telemetry/opamp-go/protobufs"

// Grants is what the local file allows the server to do and to see. Everything else
// is neither announced nor obeyed (S-286).
type Grants struct {
	RemoteConfig, Restart          bool
	Effective, Health, Components  bool
	OwnMetrics, OwnTraces, OwnLogs bool
	Heartbeat                      bool
	Packages                       bool
}

// Capabilities returns the AgentCapabilities bits of the grants. A remote
// configuration that is accepted is also reported on.
func (g Grants) Capabilities() uint64 {
	bits := protobufs.AgentCapabilities_AgentCapabilities_ReportsStatus
	for _, c := range []struct {
		on  bool
		bit protobufs.AgentCapabilities
	}{
		{g.RemoteConfig, protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig |
			protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig},
		{g.Restart, protobufs.AgentCapabilities_AgentCapabilities_AcceptsRestartCommand},
		{g.Effective, protobufs.AgentCapabilities_AgentCapabilities_ReportsEffectiveConfig},
		{g.Health, protobufs.AgentCapabilities_AgentCapabilities_ReportsHealth},
		{g.Components, protobufs.AgentCapabilities_AgentCapabilities_ReportsAvailableComponents},
		{g.OwnMetrics, protobufs.AgentCapabilities_AgentCapabilities_ReportsOwnMetrics},
		{g.OwnTraces, protobufs.AgentCapabilities_AgentCapabilities_ReportsOwnTraces},
		{g.OwnLogs, protobufs.AgentCapabilities_AgentCapabilities_ReportsOwnLogs},
		{g.Packages, protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages |
			protobufs.AgentCapabilities_AgentCapabilities_ReportsPackageStatuses},
		{g.Heartbeat, protobufs.AgentCapabilities_AgentCapabilities_ReportsHeartbeat},
	} {
		if c.on {
			bits |= c.bit
		}
	}
	return uint64(bits)
}
