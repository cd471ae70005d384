package upstream

import (
	"encoding/hex"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/upstream/opampclient"
)

// report turns the core's report into protocol. The encoded parts come from the
// Collector's own extension by way of the local lane.
func (l *Lane) report(r core.Report) opampclient.Report {
	out := opampclient.Report{
		Description:        l.Attributes.describe(r, l.uid.String()),
		Health:             l.healthOf(r),
		PackageStatuses:    l.packageStatuses(r.Package),
		CustomCapabilities: nil,
	}
	if r.Effective != "" {
		out.EffectiveConfig = &protobufs.EffectiveConfig{ConfigMap: &protobufs.AgentConfigMap{
			ConfigMap: map[string]*protobufs.AgentConfigFile{"": {Body: []byte(r.Effective), ContentType: "text/yaml"}},
		}}
	}
	if r.Components != "" {
		out.AvailableComponents = decode(r.Components, &protobufs.AvailableComponents{})
	}
	if r.Custom != "" {
		out.CustomCapabilities = &protobufs.CustomCapabilities{Capabilities: lines(r.Custom)}
	}
	return out
}

// healthOf keeps the time of what did not change: the server is told of changes alone
// (S-063).
func (l *Lane) healthOf(r core.Report) *protobufs.ComponentHealth {
	before := l.health.GetStatusTimeUnixNano()
	if same := health(r, before); l.health == nil || !proto.Equal(same, l.health) {
		l.health = health(r, nanos())
	}
	return l.health
}

// health is the Collector's own tree with the supervisor's troubles beside it.
func health(r core.Report, at uint64) *protobufs.ComponentHealth {
	tree := decode(r.Health.Tree, &protobufs.ComponentHealth{})
	h := &protobufs.ComponentHealth{
		Healthy: r.Health.Healthy, StartTimeUnixNano: uint64(r.Health.StartedAt), //nolint:gosec // after 1970
		Status: r.Health.Status, LastError: r.Health.LastError, StatusTimeUnixNano: at,
		ComponentHealthMap: tree.GetComponentHealthMap(),
	}
	if own := ownHealth(r, at); own != nil {
		if h.ComponentHealthMap == nil {
			h.ComponentHealthMap = map[string]*protobufs.ComponentHealth{}
		}
		h.ComponentHealthMap["opampd"] = own
	}
	return h
}

// ownHealth tells of the supervisor's troubles and of an upgrade under way, nil when
// there is nothing to tell.
func ownHealth(r core.Report, at uint64) *protobufs.ComponentHealth {
	own := &protobufs.ComponentHealth{
		Healthy: true, Status: "StatusOK", StatusTimeUnixNano: at, ComponentHealthMap: map[string]*protobufs.ComponentHealth{},
	}
	if r.Package.Phase != "" {
		own.ComponentHealthMap["packages"] = &protobufs.ComponentHealth{Healthy: true, Status: r.Package.Phase, StatusTimeUnixNano: at}
	}
	for name, problem := range map[string]string{"storage": r.Storage, "configuration": r.Problem, "packages": r.Package.Message} {
		if problem != "" {
			own.Healthy, own.Status = false, "StatusRecoverableError"
			own.ComponentHealthMap[name] = &protobufs.ComponentHealth{Status: own.Status, LastError: problem, StatusTimeUnixNano: at}
		}
	}
	if len(own.ComponentHealthMap) == 0 {
		return nil
	}
	return own
}

func statusMessage(s core.Status) *protobufs.RemoteConfigStatus {
	hash, err := hex.DecodeString(s.Hash)
	if err != nil || hash == nil {
		hash = []byte{} // an empty hash is a hash (G-17)
	}
	return &protobufs.RemoteConfigStatus{
		LastRemoteConfigHash: hash, ErrorMessage: s.Message,
		Status: map[core.StatusCode]protobufs.RemoteConfigStatuses{
			core.StatusUnset:    protobufs.RemoteConfigStatuses_RemoteConfigStatuses_UNSET,
			core.StatusApplied:  protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED,
			core.StatusApplying: protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING,
			core.StatusFailed:   protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED,
		}[s.Code],
	}
}

// decode reads what the local lane encoded; bytes that are no such message give an
// empty one.
func decode[M proto.Message](encoded string, into M) M {
	_ = proto.Unmarshal([]byte(encoded), into)
	return into
}

func nanos() uint64 { return uint64(time.Now().UnixNano()) }
