//go:build linux

package e2e

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"opampd/supervisor/internal/testkit"
)

// attributes are the string attributes of a description.
func attributes(list []*protobufs.KeyValue) map[string]string {
	found := map[string]string{}
	for _, kv := range list {
		found[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	return found
}

// told are all messages as one text, for a look at what must not be in it.
func told(s *testkit.Server) string {
	var all strings.Builder
	for _, m := range s.Messages() {
		all.WriteString(prototext.Format(m.AgentToServer))
	}
	return all.String()
}

// uid is the instance uid that the server knows.
func (h *host) uid() string {
	h.tb.Helper()
	id, err := uuid.FromBytes(h.server.State().GetInstanceUid())
	require.NoError(h.tb, err)
	return id.String()
}

func TestTheDescriptionTellsWhoAndWhere(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{agent: "description:\n  identifying_attributes: {service.namespace: shop}\n" +
			"  non_identifying_attributes: {rack: r7, os.type: mine}"})
		d := h.server.State().GetAgentDescription()
		who, where := attributes(d.GetIdentifyingAttributes()), attributes(d.GetNonIdentifyingAttributes())
		assert.Equal(t, "otelcol-lean", who["service.name"])
		assert.Equal(t, "0.149.0", strings.TrimPrefix(who["service.version"], "v"))
		assert.Equal(t, h.uid(), who["service.instance.id"])
		assert.Equal(t, "shop", who["service.namespace"])
		name, err := os.Hostname()
		require.NoError(t, err)
		assert.Equal(t, name, where["host.name"])
		assert.Equal(t, runtime.GOARCH, where["host.arch"])
		assert.NotEmpty(t, where["os.description"])
		assert.Equal(t, "r7", where["rack"])
		assert.Equal(t, "mine", where["os.type"], "what the operator wrote wins")
		h.server.WaitStatus(t, h.server.Offer(pipeline(h.addr, h.sink.URL(), "second")), applied)
		assert.NotContains(t, told(h.server), "opampd.config_hash")
	})
}

func TestTheOwnTelemetryOfTheCollectorHasTheSameIdentity(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{agent: "description: {identifying_attributes: {service.namespace: shop}}"})
	assert.Contains(t, h.effective(), "service.namespace: shop")
	assert.Contains(t, h.effective(), "service.instance.id: "+h.uid())
}

func TestComponentsAreAHashUntilTheListIsAskedFor(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{})
		known := h.server.WaitFor(t, "components", patience, func(m *protobufs.AgentToServer) bool {
			return len(m.GetAvailableComponents().GetHash()) > 0
		}).GetAvailableComponents()
		assert.Empty(t, known.GetComponents(), "S-241")
		h.server.Mark()
		h.server.RequestComponents()
		all := h.server.WaitFor(t, "the list of components", patience, func(m *protobufs.AgentToServer) bool {
			return len(m.GetAvailableComponents().GetComponents()) > 0
		}).GetAvailableComponents()
		assert.Equal(t, hex.EncodeToString(known.GetHash()), hex.EncodeToString(all.GetHash()))
		assert.Contains(t, all.GetComponents()["receivers"].GetSubComponentMap(), "otlp")
	})
}

func TestHealthIsATreeOfPipelinesAndExtensions(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		began := time.Now()
		h, _ := working(t, tr, settings{})
		health := h.server.WaitFor(t, "a health tree", patience, func(m *protobufs.AgentToServer) bool {
			return m.GetHealth().GetHealthy() && m.GetHealth().GetComponentHealthMap()["pipeline:logs"] != nil
		}).GetHealth()
		assert.Equal(t, "StatusOK", health.GetStatus())
		assert.Contains(t, health.GetComponentHealthMap()["pipeline:logs"].GetComponentHealthMap(), "exporter:otlphttp")
		assert.Contains(t, health.GetComponentHealthMap()["extensions"].GetComponentHealthMap(), "extension:opamp")
		started := time.Unix(0, int64(health.GetStartTimeUnixNano()))
		assert.True(t, started.After(began) && started.Before(time.Now()), "%s", started)
		assert.Greater(t, time.Unix(0, int64(health.GetStatusTimeUnixNano())), began)
	})
}

// secretive is a configuration whose secret is in the environment of the Collector.
func secretive(h *host) map[string]string {
	files := pipeline(h.addr, h.sink.URL(), "secret")
	files["secret.yaml"] = `
exporters:
  otlphttp:
    headers: {X-Api-Key: "${env:E2E_SECRET}", X-Other: in-the-clear}
  otlp/unused: {endpoint: "127.0.0.1:1", headers: {authorization: "Bearer ${E2E_SECRET}"}}
processors:
  resource/secret: {attributes: [{key: k, value: "prefix-${env:E2E_SECRET}", action: upsert}]}
`
	return files
}

func TestSecretsOfTheEnvironmentStayOnTheHost(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{agent: "env: {E2E_SECRET: hush-0123456789}"})
		h.server.WaitStatus(t, h.server.Offer(secretive(h)), applied)
		h.runsWith("${env:E2E_SECRET}")
		assert.NotContains(t, h.runs(), "in-the-clear", "headers are redacted")
		h.serving()
		h.sink.WaitFor(t, testkit.Logs, patience, func(r testkit.Received) bool { return r.Header.Get("X-Api-Key") == "hush-0123456789" })
		h.server.RequestFullState()
		h.server.WaitStatus(t, h.server.Offer(pipeline(h.addr, h.sink.URL(), "after")), applied)
		assert.NotContains(t, told(h.server), "hush-0123456789")
		h.keepsSecret("hush-0123456789")
	})
}

// TestSecretsStayOnTheHostWhenTheCollectorComplainsOfThem: the Collector quotes what
// it stumbles over, with everything filled in.
func TestSecretsStayOnTheHostWhenTheCollectorComplainsOfThem(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("hush-0123456789\n"), 0o600))
	for name, text := range map[string]string{
		"a file":   "receivers: {otlp: {protocols: {http: {endpoint: \"${file:" + file + "}\"}}}}",
		"validate": "receivers: {otlp: {protocols: {http: {endpoint: \"${env:E2E_SECRET}\"}}}}",
		"a key":    "receivers: {\"${env:E2E_SECRET}\": {}, otlp: {protocols: {http: \"${env:E2E_SECRET}\"}}}",
		"start":    "exporters: {file: {path: \"/nowhere/${env:E2E_SECRET}\"}}\nservice: {pipelines: {logs: {exporters: [file]}}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{agent: "env: {E2E_SECRET: hush-0123456789}"})
			files := pipeline(h.addr, h.sink.URL(), "complaint")
			files["zz.yaml"] = text
			h.server.WaitStatus(t, h.server.Offer(files), failed)
			h.serving()
			assert.NotContains(t, told(h.server), "hush-0123456789")
			assert.NotContains(t, h.log(), "hush-0123456789")
		})
	}
}

func TestNothingInStorageIsForOthersToRead(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	h.server.WaitStatus(t, h.server.Offer(map[string]string{"": "receivers: {nonsense: {}}"}), failed)
	h.signal(syscall.SIGUSR1)
	h.said("wrote the last events", 1)
	require.NoError(t, filepath.WalkDir(h.path("state"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		assert.Zero(t, info.Mode().Perm()&0o077, "%s has mode %s", path, info.Mode())
		return err
	}))
}

func TestTheEffectiveConfigurationIsWhatRuns(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{})
		h.runsWith("value: first")
		assert.Contains(t, h.runs(), h.addr)
		assert.Contains(t, h.runs(), "opamp:", "merged with what opampd adds")
		bad := h.server.Offer(map[string]string{"": "receivers: {nonsense: {}}"})
		h.server.WaitStatus(t, bad, failed)
		assert.NotContains(t, h.runs(), "nonsense")
		h.server.WaitStatus(t, h.server.Offer(pipeline(h.addr, h.sink.URL(), "second")), applied)
		h.runsWith("value: second")
		var bodies []string
		for _, m := range h.server.Messages() {
			if c := m.GetEffectiveConfig(); c != nil {
				bodies = append(bodies, string(c.GetConfigMap().GetConfigMap()[""].GetBody()))
			}
		}
		assert.LessOrEqual(t, len(bodies), 3, "sent when it changed: before the first offer, first, second")
	})
}

func TestARestartCommandMakesANewProcess(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{})
		pid := h.collector()
		began := h.server.WaitHealthy(t, true).GetStartTimeUnixNano()
		h.server.Mark()
		h.server.Restart()
		h.server.WaitFor(t, "a new start time", patience, func(m *protobufs.AgentToServer) bool {
			return m.GetHealth().GetHealthy() && m.GetHealth().GetStartTimeUnixNano() > began
		})
		assert.NotEqual(t, pid, h.collector())
		assert.False(t, alive(pid))
		h.serving()
	})
}

// without starts an agent that is not granted a capability which the others have.
func without(t *testing.T, capability string) *host {
	t.Helper()
	server := testkit.NewServer(t)
	h := &host{server: server, sink: testkit.NewOTLPSink(t), addr: testkit.FreePort(t)}
	h.daemon = prepare(t, settings{endpoint: server.WebSocketURL()})
	h.alter(capability+": true", capability+": false")
	h.start()
	server.WaitHealthy(t, true)
	return h
}

func TestWhatIsNotGrantedIsIgnored(t *testing.T) {
	t.Parallel()
	t.Run("restart", func(t *testing.T) {
		t.Parallel()
		h := without(t, "accepts_restart_command")
		pid := h.collector()
		h.server.Restart()
		hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "after the command"))
		h.server.WaitStatus(t, hash, applied)
		assert.Equal(t, pid, h.collector())
		assert.Zero(t, h.server.State().GetCapabilities()&uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsRestartCommand))
	})
	t.Run("remote configuration", func(t *testing.T) {
		t.Parallel()
		h := without(t, "accepts_remote_config")
		pid := h.collector()
		h.server.Offer(pipeline(h.addr, h.sink.URL(), "uninvited"))
		began := h.server.WaitHealthy(t, true).GetStartTimeUnixNano()
		h.server.Restart() // is done after the offer was heard
		h.server.WaitFor(t, "a new start time", patience, func(m *protobufs.AgentToServer) bool {
			return m.GetHealth().GetHealthy() && m.GetHealth().GetStartTimeUnixNano() > began
		})
		assert.NotEqual(t, pid, h.collector())
		assert.NotContains(t, h.effective(), "uninvited")
		assert.Nil(t, h.server.State().GetRemoteConfigStatus())
	})
}

func TestTheServerMayRenameTheAgent(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		// The full state is told again, under the new uid.
		h, _ := working(t, tr, settings{}, testkit.Except(testkit.NoRepeats, testkit.ApplyingFirst))
		fresh := uuid.Must(uuid.NewV7())
		h.server.OfferRaw(&protobufs.ServerToAgent{AgentIdentification: &protobufs.AgentIdentification{NewInstanceUid: fresh[:]}})
		h.server.WaitFor(t, "a message under the new uid", patience, func(m *protobufs.AgentToServer) bool {
			return string(m.GetInstanceUid()) == string(fresh[:]) &&
				attributes(m.GetAgentDescription().GetIdentifyingAttributes())["service.instance.id"] == fresh.String()
		})
		awaitFile(t, h.path("state", "effective.yaml"), func(text string) bool { return strings.Contains(text, fresh.String()) })
		h.runsWith(fresh.String())
		assert.Equal(t, 0, h.stop())
		h.server.Mark()
		h.start()
		h.server.WaitHealthy(t, true)
		assert.Equal(t, fresh.String(), h.uid(), "for good")
	})
}

func TestAnInstanceIDOfTheFileCountsOnFirstStartOnly(t *testing.T) {
	t.Parallel()
	first, second := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	h, _ := working(t, testkit.WebSocket, settings{agent: "instance_id: " + first.String()})
	assert.Equal(t, first.String(), h.uid())
	assert.Equal(t, 0, h.stop())
	h.alter(first.String(), second.String())
	h.server.Mark()
	h.start()
	h.server.WaitHealthy(t, true)
	assert.Equal(t, first.String(), h.uid())
}
