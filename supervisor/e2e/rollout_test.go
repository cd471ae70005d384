//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// runs returns the effective configuration that the server was told last.
func (h *host) runs() string {
	return string(h.server.State().GetEffectiveConfig().GetConfigMap().GetConfigMap()[""].GetBody())
}

// runsWith waits until the server is told of an effective configuration with a text.
func (h *host) runsWith(text string) {
	h.tb.Helper()
	h.server.WaitFor(h.tb, "effective configuration with "+text, patience, func(m *protobufs.AgentToServer) bool {
		return bytes.Contains(m.GetEffectiveConfig().GetConfigMap().GetConfigMap()[""].GetBody(), []byte(text))
	})
}

func TestANewerOfferSupersedesTheOneInFlight(t *testing.T) {
	t.Parallel()
	for _, reload := range []string{"auto", "restart"} {
		t.Run(reload, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{executable: slow(t), agent: "reload: " + reload})
			a := h.server.Offer(pipeline(h.addr, h.sink.URL(), "A"))
			h.server.WaitStatus(t, a, applying)
			b := h.server.Offer(pipeline(h.addr, h.sink.URL(), "B"))
			assert.Contains(t, h.server.WaitStatus(t, a, failed).GetErrorMessage(), "superseded")
			h.server.WaitStatus(t, b, applied)
			h.runsWith("value: B")
			h.serving()
		})
	}
}

func TestOfFiveInABurstTheLastOneRuns(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		// One that is overtaken before its turn is FAILED without having been APPLYING.
		h, _ := working(t, tr, settings{}, testkit.Except(testkit.ApplyingFirst))
		var hash []byte
		for i := range 5 {
			hash = h.server.Offer(pipeline(h.addr, h.sink.URL(), fmt.Sprint("burst-", i)))
		}
		h.server.WaitStatus(t, hash, applied)
		h.runsWith("burst-4")
		h.serving()
	})
}

func TestWhatMeansTheSameIsAppliedWithoutTouchingAnything(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{agent: "reload: restart"})
		pid := h.collector()
		load := testkit.Load(t, h.url(), 100)
		load.WaitAcknowledged(t, 5, patience)
		hash := h.server.Offer(map[string]string{"collector.yaml": fmt.Sprintf(`# in another order, with other words
service:
    pipelines: {logs: {exporters: [ otlphttp ], receivers: [ "otlp" ], processors: [resource]}}
exporters:
    "otlphttp":
        retry_on_failure:
            enabled:   false   # as before
        endpoint: '%s'
processors: {resource: {attributes: [{value: first, action: upsert, key: note}]}}
receivers: {otlp: {protocols: {http: {endpoint: %s}}}}
`, h.sink.URL(), h.addr)})
		h.server.WaitStatus(t, hash, applied)
		load.WaitAcknowledged(t, 5, patience)
		assert.Empty(t, load.Stop().Failures())
		assert.Equal(t, pid, h.collector())
	})
}

func TestNamedFilesKeepTheirNamesOnDisk(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	files := pipeline(h.addr, h.sink.URL(), "named")
	files["batching.yaml"] = "processors: {batch: {}}\n"
	h.server.WaitStatus(t, h.server.Offer(files), applied)
	for name, body := range files {
		text, err := os.ReadFile(h.path("state", "remote", name))
		require.NoError(t, err)
		assert.Equal(t, body, string(text))
	}
	h.server.WaitStatus(t, h.server.Offer(pipeline(h.addr, h.sink.URL(), "one less")), applied)
	assert.NoFileExists(t, h.path("state", "remote", "batching.yaml"), "what is not offered any more is gone")
}

func TestFilesMergeInTheOrderOfTheirNamesAndTheNamelessLast(t *testing.T) {
	t.Parallel()
	note := func(value string) string {
		return "processors: {resource: {attributes: [{key: note, value: " + value + ", action: upsert}]}}\n"
	}
	h, _ := working(t, testkit.WebSocket, settings{})
	files := pipeline(h.addr, h.sink.URL(), "overruled")
	files["a.yaml"], files["z.yaml"] = note("from-a"), note("from-z")
	h.server.WaitStatus(t, h.server.Offer(files), applied)
	h.runsWith("value: from-z")
	assert.NotContains(t, h.runs(), "overruled", "lists replace each other")
	files[""] = note("from-nowhere") + "extensions: {zpages: {endpoint: \"127.0.0.1:0\"}}\nservice: {extensions: [zpages]}\n"
	files["b.yaml"] = "extensions: {health_check: {endpoint: \"127.0.0.1:0\"}}\nservice: {extensions: [health_check]}\n"
	h.server.WaitStatus(t, h.server.Offer(files), applied)
	h.runsWith("value: from-nowhere")
	for _, id := range []string{"opamp", "health_check", "zpages"} {
		assert.Contains(t, h.runs(), "- "+id, "service::extensions are united")
	}
}

func TestTheLinkToTheCollectorCannotBeTakenAway(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		evil := testkit.NewServer(t)
		h, _ := working(t, tr, settings{agent: "reload: restart"})
		files := pipeline(h.addr, h.sink.URL(), "cut off")
		files["zz.yaml"] = `
extensions:
  opamp:
    instance_uid: 01a206bf-0000-7000-8000-000000000000
    server: {ws: {endpoint: "` + evil.WebSocketURL() + `"}, http: {endpoint: "` + evil.HTTPURL() + `"}}
    capabilities: {reports_health: false}
service: {extensions: [], telemetry: {resource: {service.instance.id: stolen}}}
`
		h.server.WaitStatus(t, h.server.Offer(files), applied)
		assert.Empty(t, evil.Connections())
		assert.NotContains(t, h.effective(), "stolen")
		h.serving()
	})
}

func TestAPortTakenByOthersIsRolledBackIfAskedForAndLeftAloneIfNot(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	if l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:8888"); err == nil { // else somebody else has it: as good
		t.Cleanup(func() { _ = l.Close() })
	}
	h, _ := working(t, testkit.WebSocket, settings{})
	h.serving()
	files := pipeline(h.addr, h.sink.URL(), "own metrics")
	files["metrics.yaml"] = `
service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 8888}}}}]}}}
`
	status := h.server.WaitStatus(t, h.server.Offer(files), failed)
	assert.Contains(t, status.GetErrorMessage(), "address already in use")
	h.serving()
}

func TestLocalFilesTakeThePlaceThatTheirListGivesThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ list, runs string }{
		"remote over local by default":       {"[local.yaml]", "value: first"},
		"local over remote when listed last": {"[$REMOTE_CONFIG, local.yaml]", "value: from-local"},
		"dollars may be escaped":             {"[$$OWN_TELEMETRY_CONFIG, $$OPAMP_EXTENSION_CONFIG, $$REMOTE_CONFIG, local.yaml]", "value: from-local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := filepath.Join(t.TempDir(), "local.yaml")
			require.NoError(t, os.WriteFile(local, []byte(
				"processors: {batch/local: {}, resource: {attributes: [{key: note, value: from-local, action: upsert}]}}\n"), 0o600))
			h, _ := working(t, testkit.WebSocket, settings{agent: "config_files: " + strings.ReplaceAll(c.list, "local.yaml", local)})
			h.runsWith(c.runs)
			assert.Contains(t, h.runs(), "batch/local")
		})
	}
}

func TestTheSwitchesOfTheReferenceAreHonoured(t *testing.T) {
	t.Parallel()
	t.Run("validate_config: false leaves the judgement to the start", func(t *testing.T) {
		t.Parallel()
		h, _ := working(t, testkit.WebSocket, settings{agent: "validate_config: false\nreload: restart"})
		pid := h.collector()
		hash := h.server.Offer(map[string]string{"": "receivers: {nonsense: {}}"})
		assert.Contains(t, h.server.WaitStatus(t, hash, failed).GetErrorMessage(), "nonsense")
		h.serving()
		assert.NotEqual(t, pid, h.collector())
	})
	t.Run("automatic_config_rollback: false keeps the failed one", func(t *testing.T) {
		t.Parallel()
		h, _ := working(t, testkit.WebSocket, settings{agent: "automatic_config_rollback: false\n" + brisk})
		files := pipeline(h.addr, h.sink.URL(), "stays")
		files["zz.yaml"] = "exporters: {file: {path: /nowhere/at/all}}\nservice: {pipelines: {logs: {exporters: [file]}}}\n"
		h.server.Mark()
		hash := h.server.Offer(files)
		assert.Contains(t, h.server.WaitStatus(t, hash, failed).GetErrorMessage(), "/nowhere/at/all")
		h.server.WaitHealthy(t, false)
		assert.Contains(t, h.effective(), "/nowhere/at/all")
		good := h.server.Offer(pipeline(h.addr, h.sink.URL(), "good again"))
		h.server.WaitStatus(t, good, applied)
		h.serving()
	})
	for written, same := range map[string]bool{"true": true, "false": false} {
		t.Run("use_hup_config_reload: "+written, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{agent: "use_hup_config_reload: " + written})
			pid := h.collector()
			h.server.WaitStatus(t, h.server.Offer(pipeline(h.addr, h.sink.URL(), "second")), applied)
			assert.Equal(t, same, pid == h.collector())
		})
	}
}

func TestWhatWasAppliedRunsAfterARestartWithoutTheServer(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{})
	h.server.Stop()
	assert.Equal(t, 0, h.stop())
	h.start()
	h.serving()
	h.server.Mark()
	h.server.Start(t)
	first := h.server.WaitFor(t, "anything", patience, func(*protobufs.AgentToServer) bool { return true })
	assert.Equal(t, hash, first.GetRemoteConfigStatus().GetLastRemoteConfigHash(), "so it need not be offered again (S-124)")
	assert.Equal(t, applied, first.GetRemoteConfigStatus().GetStatus())
}

func TestAFailureIsStillKnownAfterARestart(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, first := working(t, tr, settings{agent: "probation: 0s"})
		h.proven(first)
		hash := h.server.Offer(map[string]string{"": "receivers: {nonsense: {}}"})
		want := h.server.WaitStatus(t, hash, failed)
		assert.Equal(t, 0, h.stop())
		h.server.Mark()
		h.often(tr)
		h.start()
		report := h.server.WaitFor(t, "anything", patience, func(*protobufs.AgentToServer) bool { return true })
		assert.Equal(t, want.String(), report.GetRemoteConfigStatus().String())
		h.serving() // on the last known good
		good := h.server.Offer(pipeline(h.addr, h.sink.URL(), "good after failed"))
		h.server.WaitStatus(t, good, applied)
	})
}

func TestWhatWasAppliedAMomentAgoIsNotForgottenForABadOfferAndARestart(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *host){
		"stopped": func(h *host) { assert.Equal(h.tb, 0, h.stop()) }, "crashed": func(h *host) { h.crash() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{}) // and on probation
			h.server.WaitStatus(t, h.server.Offer(map[string]string{"": "receivers: {nonsense: {}}"}), failed)
			end(h)
			h.server.Mark()
			h.start()
			h.server.WaitHealthy(t, true)
			h.serving()
		})
	}
}
