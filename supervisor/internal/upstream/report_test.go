package upstream

import (
	"testing"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/core"
)

func encoded(t *testing.T, m proto.Message) string {
	t.Helper()
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	return string(raw)
}

// reporter is a lane that connects to nobody.
func reporter(t *testing.T, a Attributes) *Lane {
	t.Helper()
	l := New(Settings{Attributes: a})
	l.uid = uuid.MustParse(uid)
	return l
}

func values(attributes []*protobufs.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range attributes {
		m[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	return m
}

func said(t *testing.T, identifying, other map[string]string) string {
	t.Helper()
	d := &protobufs.AgentDescription{}
	for key, value := range identifying {
		d.IdentifyingAttributes = append(d.IdentifyingAttributes, &protobufs.KeyValue{Key: key, Value: text(value)})
	}
	for key, value := range other {
		d.NonIdentifyingAttributes = append(d.NonIdentifyingAttributes, &protobufs.KeyValue{Key: key, Value: text(value)})
	}
	return encoded(t, d)
}

func TestDescriptionIsWhatTheOperatorWroteOverWhatTheCollectorSaysOverTheHost(t *testing.T) {
	t.Parallel()
	l := reporter(t, Attributes{
		Host: map[string]string{"os.type": "linux", "host.name": "h", "env": "host"}, Supervisor: "1.0",
		Identifying: map[string]string{"service.name": "mine"}, NonIdentifying: map[string]string{"env": "prod"},
	})
	d := l.report(core.Report{Name: "otelcol", Version: "1", Description: said(t,
		map[string]string{"service.name": "said", "service.version": "2"},
		map[string]string{"host.name": "said", "env": "said"},
	)}).Description
	assert.Equal(t, map[string]string{"service.name": "mine", "service.version": "2", "service.instance.id": uid},
		values(d.GetIdentifyingAttributes()))
	assert.Equal(t, map[string]string{"os.type": "linux", "host.name": "said", "env": "prod", "opampd.version": "1.0"},
		values(d.GetNonIdentifyingAttributes()))
}

func TestBinaryNamesTheAgentUntilTheCollectorDoes(t *testing.T) {
	t.Parallel()
	l := reporter(t, Attributes{})
	assert.Equal(t, map[string]string{"service.name": "otelcol", "service.version": "1", "service.instance.id": uid},
		values(l.report(core.Report{Name: "otelcol", Version: "1"}).Description.GetIdentifyingAttributes()))
	assert.Equal(t, map[string]string{"service.instance.id": uid},
		values(l.report(core.Report{}).Description.GetIdentifyingAttributes()))
}

func TestInstanceIsTheOneOfTheUIDWhoeverSaysOtherwise(t *testing.T) {
	t.Parallel()
	l := reporter(t, Attributes{Identifying: map[string]string{"service.instance.id": "operator"}})
	d := l.report(core.Report{Description: said(t, map[string]string{"service.instance.id": "collector"}, nil)}).Description
	assert.Equal(t, uid, values(d.GetIdentifyingAttributes())["service.instance.id"])
}

func TestSameDescriptionIsTheSameMessage(t *testing.T) {
	t.Parallel()
	l := reporter(t, Attributes{Host: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}})
	first := l.report(core.Report{Name: "n", Version: "v"}).Description
	for range 20 {
		assert.True(t, proto.Equal(first, l.report(core.Report{Name: "n", Version: "v"}).Description))
	}
}

func TestHealthIsTheCollectorsTreeWithOurTroublesBesideIt(t *testing.T) {
	t.Parallel()
	l := reporter(t, Attributes{})
	tree := encoded(t, &protobufs.ComponentHealth{Healthy: true, ComponentHealthMap: map[string]*protobufs.ComponentHealth{
		"pipeline:traces": {Healthy: true, Status: "StatusOK"},
	}})
	r := core.Report{Health: core.Health{Healthy: true, StartedAt: 5, Status: "StatusOK", Tree: tree}}
	h := l.report(r).Health
	assert.True(t, h.GetHealthy())
	assert.Equal(t, uint64(5), h.GetStartTimeUnixNano())
	assert.Equal(t, "StatusOK", h.GetComponentHealthMap()["pipeline:traces"].GetStatus())
	assert.NotContains(t, h.GetComponentHealthMap(), "opampd")

	r.Storage, r.Problem = "no space", "refused"
	ours := l.report(r).Health.GetComponentHealthMap()["opampd"].GetComponentHealthMap()
	assert.Equal(t, "no space", ours["storage"].GetLastError())
	assert.Equal(t, "refused", ours["configuration"].GetLastError())
	assert.False(t, ours["storage"].GetHealthy())
}

func TestHealthThatDidNotChangeKeepsItsTime(t *testing.T) {
	t.Parallel()
	l := reporter(t, Attributes{})
	r := core.Report{Health: core.Health{Status: "StatusStarting", LastError: "the Collector is starting"}, Problem: "p"}
	first := l.report(r).Health
	r.Effective = "another part of the report"
	assert.True(t, proto.Equal(first, l.report(r).Health))
	r.Health.Healthy = true
	assert.Greater(t, l.report(r).Health.GetStatusTimeUnixNano(), first.GetStatusTimeUnixNano())
}

func TestPartsThatNobodySaidAreLeftOut(t *testing.T) {
	t.Parallel()
	l := reporter(t, Attributes{})
	out := l.report(core.Report{})
	assert.Nil(t, out.EffectiveConfig)
	assert.Nil(t, out.AvailableComponents)
	assert.Nil(t, out.CustomCapabilities)
	out = l.report(core.Report{
		Effective: "a: b", Custom: "x\ny", Components: encoded(t, &protobufs.AvailableComponents{Hash: []byte{7}}),
	})
	assert.Equal(t, "a: b", string(out.EffectiveConfig.GetConfigMap().GetConfigMap()[""].GetBody()))
	assert.Equal(t, []byte{7}, out.AvailableComponents.GetHash())
	assert.Equal(t, []string{"x", "y"}, out.CustomCapabilities.GetCapabilities())
}

func TestDamagedPartsOfAReportAreEmptyParts(t *testing.T) {
	t.Parallel()
	out := reporter(t, Attributes{}).report(core.Report{Name: "n", Description: "\xff", Components: "\xff", Health: core.Health{Tree: "\xff"}})
	assert.Equal(t, "n", values(out.Description.GetIdentifyingAttributes())["service.name"])
	assert.NotNil(t, out.Health)
}

func TestStatusHasAHashEvenIfItIsEmpty(t *testing.T) {
	t.Parallel()
	for given, wanted := range map[string][]byte{"": {}, "0aff": {0x0a, 0xff}, "not hex": {}} {
		got := statusMessage(core.Status{Hash: given, Code: core.StatusApplied, Message: "m"})
		assert.Equal(t, wanted, got.GetLastRemoteConfigHash()) // nil is not the same (G-17)
		assert.NotNil(t, got.GetLastRemoteConfigHash())
		assert.Equal(t, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED, got.GetStatus())
	}
}

func TestEachGrantIsACapability(t *testing.T) {
	t.Parallel()
	known := uint64(0)
	for bit := range protobufs.AgentCapabilities_name {
		known |= uint64(bit)
	}
	assert.Zero(t, allGranted().Capabilities()&^known)
	config := Grants{RemoteConfig: true}.Capabilities()
	assert.NotZero(t, config&uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig))
	assert.NotZero(t, config&uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig))
	assert.Zero(t, config&uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsRestartCommand))
}
