package telemetry

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func described(t *testing.T, s Settings) map[string]string {
	t.Helper()
	res, err := describe(t.Context(), s)
	assert.NoError(t, err)
	all := map[string]string{}
	for _, kv := range res.Attributes() {
		all[string(kv.Key)] = kv.Value.AsString()
	}
	return all
}

func TestTheResourceHasTheNamesOfTheReferenceSupervisor(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "")
	got := described(t, Settings{Version: "1.2.3", InstanceID: "me"})
	assert.Equal(t, "opamp-supervisor", got["service.name"])
	assert.Equal(t, "me", got["service.instance.id"])
	assert.Equal(t, "1.2.3", got["service.version"])
	assert.Equal(t, "go", got["telemetry.sdk.language"])
}

func TestAnInstanceIDIsMadeUpWhenNoneIsGiven(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "")
	one, other := described(t, Settings{}), described(t, Settings{})
	assert.NotEmpty(t, one["service.instance.id"])
	assert.NotEqual(t, one["service.instance.id"], other["service.instance.id"])
	assert.NotContains(t, one, "service.version")
}

func TestTheFileWinsOverTheEnvironmentAndAnEmptyValueRemoves(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=env,zone=env,rack=7")
	got := described(t, Settings{Resource: map[string]string{"zone": "file", "service.instance.id": ""}})
	assert.Equal(t, "env", got["service.name"])
	assert.Equal(t, "file", got["zone"])
	assert.Equal(t, "7", got["rack"])
	assert.NotContains(t, got, "service.instance.id")
}

func TestABrokenEnvironmentIsAWarning(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "nonsense")
	s := startSink(t)
	assert.Contains(t, start(t, logsTo(s)).Warnings[0], "read OTEL_RESOURCE_ATTRIBUTES")
}
