package upstream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/remoteconfig"
)

// listen works off what the server said, apart from the connection: storing an
// offer takes the time of a disk (G-01).
func (l *Lane) listen(ctx context.Context) {
	greeted := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.deaf:
			return
		case first := <-l.inbox:
			for _, in := range l.burst(first) {
				if in.msg == nil {
					greeted, l.restraint.renamed = false, false
					l.Post(core.ServerLost{Reason: in.lost.Error()})
					continue
				}
				l.hear(in.msg)
				if !greeted {
					greeted = true
					l.Post(core.ServerGreeted{})
				}
			}
		}
	}
}

// hear posts an event for each part of a message that the local file grants. The
// rest is dropped: nothing of it was announced.
func (l *Lane) hear(m *protobufs.ServerToAgent) {
	if c := m.GetCommand(); c != nil { // nothing else of such a message counts (S-238)
		if l.Grants.Restart && c.GetType() == protobufs.CommandType_CommandType_Restart {
			l.Post(core.RestartRequested{})
		}
		return
	}
	if uid := m.GetAgentIdentification().GetNewInstanceUid(); uid != nil {
		l.rename(uid)
	}
	if c := m.GetRemoteConfig(); c != nil && l.Grants.RemoteConfig {
		l.offered(c)
	}
	if p := m.GetPackagesAvailable(); p != nil && l.Grants.Packages {
		l.packagesOffered(p)
	}
	if c := m.GetConnectionSettings(); c != nil {
		l.settings(c)
	}
	if c := m.GetCustomCapabilities(); c != nil {
		l.capabilities(c)
	}
	if c := m.GetCustomMessage(); c != nil {
		l.custom(c)
	}
}

func (l *Lane) capabilities(c *protobufs.CustomCapabilities) {
	list := strings.Join(c.GetCapabilities(), "\n")
	if len(list) > maxCapabilities {
		l.complain("capabilities", fmt.Sprintf("the server's list of custom capabilities is dropped: it has %d bytes, at most %d are taken",
			len(list), maxCapabilities))
		return
	}
	l.Post(core.ServerCustomCapabilities{List: list})
}

func (l *Lane) custom(c *protobufs.CustomMessage) {
	if size := len(c.GetCapability()) + len(c.GetType()) + len(c.GetData()); size > maxCustomMessage {
		l.complain("custom message", fmt.Sprintf("a custom message of the server is dropped: it has %d bytes, at most %d are passed on",
			size, maxCustomMessage))
		return
	}
	l.Post(core.ServerMessage{Message: core.Message{
		Capability: c.GetCapability(), Type: c.GetType(), Data: string(c.GetData()),
	}})
}

func (l *Lane) rename(raw []byte) {
	uid, err := uuid.FromBytes(raw)
	if err != nil || uid == uuid.Nil {
		l.complain("uid", fmt.Sprintf("the server gave a new instance uid of %d bytes; 16 are needed, the old one stays", len(raw)))
		return
	}
	if uid == l.restraint.uid { // said again before it was seen in use
		return
	}
	if !l.restraint.mayRename() {
		l.complain("rename", fmt.Sprintf("the server gave yet another instance uid, which is ignored, since each reloads the Collector: "+
			"one is taken per connection and %v", renamePause))
		return
	}
	l.restraint.renamed, l.restraint.renamedAt, l.restraint.uid = true, time.Now(), uid
	l.Post(core.Renamed{UID: uid.String()})
}

// offered stores a remote configuration before anyone hears of it, unless it is
// too large to be kept at all.
func (l *Lane) offered(c *protobufs.AgentRemoteConfig) {
	offer := core.Offer{Hash: hashOf(c)}
	files := Files(c)
	if problem := oversize(c.GetConfigHash(), files); problem != "" {
		l.Post(core.ConfigOffered{Offer: offer, Problem: problem})
		return
	}
	offer.Empty = len(files) == 0
	body, err := remoteconfig.Encode(files)
	if err == nil {
		offer.Body, err = l.PutBlob(body)
	}
	if err != nil {
		l.Post(core.ConfigOffered{Offer: offer, Problem: fmt.Sprintf("the configuration cannot be stored: %v", err)})
		return
	}
	l.Post(core.ConfigOffered{Offer: offer})
}

// Files returns the files of a remote configuration; nil maps and nil files from the
// network are no files.
func Files(c *protobufs.AgentRemoteConfig) []remoteconfig.File {
	var files []remoteconfig.File
	for name, f := range c.GetConfig().GetConfigMap() {
		if f != nil {
			files = append(files, remoteconfig.File{Name: name, Type: f.GetContentType(), Body: f.GetBody()})
		}
	}
	return files
}

// settings takes over the destinations of own telemetry that were granted. A
// heartbeat comes with the settings of the OpAMP connection; the rest of those is
// not ours to accept.
func (l *Lane) settings(c *protobufs.ConnectionSettingsOffers) {
	if s := c.GetOpamp().GetHeartbeatIntervalSeconds(); s > 0 && l.Grants.Heartbeat {
		beat := time.Duration(min(s, uint64(time.Hour/time.Second))) * time.Second
		l.client.SetHeartbeat(beat)
		l.Post(core.HeartbeatOffered{Beat: beat})
	}
	var signals core.Signals
	for _, offer := range []struct {
		granted bool
		name    string
		offered *protobufs.TelemetryConnectionSettings
		kept    *string
	}{
		{l.Grants.OwnMetrics, "own_metrics", c.GetOwnMetrics(), &signals.Metrics},
		{l.Grants.OwnTraces, "own_traces", c.GetOwnTraces(), &signals.Traces},
		{l.Grants.OwnLogs, "own_logs", c.GetOwnLogs(), &signals.Logs},
	} {
		if offer.offered == nil || !offer.granted {
			continue
		}
		encoded, err := destination(offer.offered)
		if err != nil {
			l.complain(offer.name, fmt.Sprintf("the server's offer of %s is refused: %v", offer.name, err))
			continue
		}
		*offer.kept = encoded
	}
	if signals != (core.Signals{}) {
		l.Post(core.TelemetryOffered{Signals: signals})
	}
}
