package upstream

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/core"
)

// Attributes is what the host and the operator add to the Collector's description
// of itself.
type Attributes struct {
	Host                        map[string]string // detected: os.*, host.*
	Identifying, NonIdentifying map[string]string // agent.description of the local file, which wins
	Supervisor                  string            // opampd's version
}

// describe merges the description: the host's facts, what the Collector says, what
// the operator wrote; later ones win (S-073 to S-076). The instance is always the one
// that the telemetry of the Collector names as well (S-285).
func (a Attributes) describe(r core.Report, uid string) *protobufs.AgentDescription {
	said := decode(r.Description, &protobufs.AgentDescription{})
	identifying := map[string]*protobufs.AnyValue{}
	for key, value := range map[string]string{"service.name": r.Name, "service.version": r.Version} {
		if value != "" {
			identifying[key] = text(value)
		}
	}
	merge(identifying, said.GetIdentifyingAttributes())
	override(identifying, a.Identifying)
	identifying["service.instance.id"] = text(uid)

	other := map[string]*protobufs.AnyValue{}
	override(other, a.Host)
	merge(other, said.GetNonIdentifyingAttributes())
	if a.Supervisor != "" {
		other["opampd.version"] = text(a.Supervisor)
	}
	override(other, a.NonIdentifying)
	return &protobufs.AgentDescription{IdentifyingAttributes: sorted(identifying), NonIdentifyingAttributes: sorted(other)}
}

func merge(into map[string]*protobufs.AnyValue, from []*protobufs.KeyValue) {
	for _, kv := range from {
		into[kv.GetKey()] = kv.GetValue()
	}
}

func override(into map[string]*protobufs.AnyValue, from map[string]string) {
	for key, value := range from {
		into[key] = text(value)
	}
}

func sorted(m map[string]*protobufs.AnyValue) []*protobufs.KeyValue {
	out := make([]*protobufs.KeyValue, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, &protobufs.KeyValue{Key: key, Value: m[key]})
	}
	return out
}

func text(s string) *protobufs.AnyValue {
	return &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: s}}
}

func lines(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == '\n' })
}
