package opampclient

import (
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// Report is the state of the agent that the server is kept told of. Each part has its capability bit, and is sent only
// while that bit is on.
type Report struct {
	// Description is sent always.
	Description *protobufs.AgentDescription
	// Health needs ReportsHealth.
	Health *protobufs.ComponentHealth
	// EffectiveConfig needs ReportsEffectiveConfig, and a server that has not said it does not accept it (S-108).
	EffectiveConfig *protobufs.EffectiveConfig
	// AvailableComponents needs ReportsAvailableComponents. Only its hash is sent until the server asks for the rest (S-241).
	AvailableComponents *protobufs.AvailableComponents
	// CustomCapabilities is sent once set; a client that never sets it has none (S-246).
	CustomCapabilities *protobufs.CustomCapabilities
	// PackageStatuses needs ReportsPackageStatuses, and a server that has not said it does not accept them.
	PackageStatuses *protobufs.PackageStatuses
	// ConnectionSettingsStatus needs ReportsConnectionSettingsStatus.
	ConnectionSettingsStatus *protobufs.ConnectionSettingsStatus
}

// Set replaces the parts of the state that are not nil in r. It copies them, with invalid UTF-8 replaced and over-long
// text cut (S-085, S-086). Changes within 50 ms of each other travel together, and what equals the value already sent
// is not sent again (S-063).
func (c *Client) Set(r Report) { c.box.set(r) }

// SendConfigStatus reports the status of a remote configuration. While connected each call goes out at once in a
// message of its own, in order, so that APPLYING is seen before APPLIED; beyond 64 waiting the oldest are dropped. While
// disconnected only the latest is kept. It becomes part of every full report from then on (S-124).
func (c *Client) SendConfigStatus(status *protobufs.RemoteConfigStatus) { c.box.addStatus(status) }

// SendCustom queues a custom message and reports whether there was room: 64 may wait, also while disconnected. Each is
// sent at most once: one that is lost with its connection is not repeated.
func (c *Client) SendCustom(m *protobufs.CustomMessage) bool { return c.box.addCustom(m) }

// SetUID changes the instance_uid from the next message on, and reports the full state under it. A zero uid is ignored.
func (c *Client) SetUID(uid [16]byte) { c.box.setUID(uid) }

// SetCapabilities changes the AgentCapabilities announced from the next message on, which follows soon.
func (c *Client) SetCapabilities(bits uint64) { c.box.setCapabilities(bits) }

// SetHeartbeat changes the time between idle messages, as offered by a server. 0 turns them off on WebSocket and is
// ignored on HTTP, which has no other way to hear the server; negative values are ignored.
func (c *Client) SetHeartbeat(d time.Duration) { c.box.setHeartbeat(d) }
