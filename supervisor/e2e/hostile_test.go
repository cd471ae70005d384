//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/testkit"
)

// offering returns a message with a remote configuration in any form.
func offering(hash []byte, files map[string]*protobufs.AgentConfigFile) *protobufs.ServerToAgent {
	return &protobufs.ServerToAgent{RemoteConfig: &protobufs.AgentRemoteConfig{
		ConfigHash: hash, Config: &protobufs.AgentConfigMap{ConfigMap: files},
	}}
}

func file(body string) *protobufs.AgentConfigFile {
	return &protobufs.AgentConfigFile{Body: []byte(body)}
}

// raw is a message that no encoder of the protocol would write.
func raw(field protowire.Number, content ...[]byte) *protobufs.ServerToAgent {
	m := &protobufs.ServerToAgent{}
	m.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), bytes.Join(content, nil)))
	return m
}

// nonsense are messages that ask for nothing which was granted, or for nothing at all.
func nonsense(elsewhere string) map[string]*protobufs.ServerToAgent {
	text := func(field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, field, protowire.BytesType), s)
	}
	return map[string]*protobufs.ServerToAgent{
		"empty parts": {
			ErrorResponse: &protobufs.ServerErrorResponse{}, AgentIdentification: &protobufs.AgentIdentification{},
			CustomCapabilities: &protobufs.CustomCapabilities{}, CustomMessage: &protobufs.CustomMessage{},
			PackagesAvailable: &protobufs.PackagesAvailable{}, ConnectionSettings: &protobufs.ConnectionSettingsOffers{},
		},
		"unknown command":    {Command: &protobufs.ServerToAgentCommand{Type: 7}},
		"unknown error type": {ErrorResponse: &protobufs.ServerErrorResponse{Type: 99, ErrorMessage: strings.Repeat("x", 1<<20)}},
		"unknown flags":      {Flags: 1 << 60},
		"short new uid":      {AgentIdentification: &protobufs.AgentIdentification{NewInstanceUid: []byte("short")}},
		"zero new uid":       {AgentIdentification: &protobufs.AgentIdentification{NewInstanceUid: make([]byte, 16)}},
		"huge custom message": {CustomMessage: &protobufs.CustomMessage{
			Capability: "io.example.huge", Type: "t", Data: make([]byte, 8<<20),
		}},
		"packages (S-180)": {PackagesAvailable: &protobufs.PackagesAvailable{
			AllPackagesHash: []byte("all"),
			Packages: map[string]*protobufs.PackageAvailable{
				"":         {Type: 0, Version: "9", Hash: []byte("h"), File: &protobufs.DownloadableFile{DownloadUrl: "http://" + elsewhere + "/package"}},
				"no file":  {Type: 1},
				"../../up": {Type: 42, File: &protobufs.DownloadableFile{}},
			},
		}},
		"another server": {ConnectionSettings: &protobufs.ConnectionSettingsOffers{
			Hash: []byte("move"),
			Opamp: &protobufs.OpAMPConnectionSettings{
				DestinationEndpoint: "ws://" + elsewhere + "/v1/opamp", HeartbeatIntervalSeconds: 1,
				Headers: &protobufs.Headers{Headers: []*protobufs.Header{{Key: "Authorization", Value: "theirs"}}},
				Tls:     &protobufs.TLSConnectionSettings{InsecureSkipVerify: true},
			},
			OtherConnections: map[string]*protobufs.OtherConnectionSettings{"x": {DestinationEndpoint: "http://" + elsewhere}},
		}},
		"own telemetry to nowhere": {ConnectionSettings: &protobufs.ConnectionSettingsOffers{
			OwnMetrics: &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "file:///etc/passwd"},
			OwnTraces:  &protobufs.TelemetryConnectionSettings{}, OwnLogs: &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "::"},
		}},
		"unknown field": raw(999, []byte("from the future")),
		"a name that is no text": raw(3, protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType),
			append(protowire.AppendTag(nil, 1, protowire.BytesType), protowire.AppendBytes(nil, text(1, "\xff\xfe"))...))),
	}
}

func TestNonsenseFromTheServerTouchesNothing(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		elsewhere := testkit.NewServer(t)
		// What is no message ends the connection, and the next one begins with a full report.
		h, _ := working(t, tr, settings{}, testkit.Except(testkit.NoRepeats))
		pid := h.collector()
		load := testkit.Load(t, h.url(), 50)
		load.WaitAcknowledged(t, 1, patience)
		all := nonsense(elsewhere.Addr())
		if tr == testkit.PlainHTTP { // one message a poll: all that goes together in one
			whole := &protobufs.ServerToAgent{}
			for name, m := range all {
				if m.GetCommand() == nil && !strings.Contains(name, "no text") {
					proto.Merge(whole, m)
					delete(all, name)
				}
			}
			all["all the rest"] = whole
		}
		for _, m := range all {
			h.server.OfferRaw(m)
		}
		h.server.RequestFullState()
		h.server.WaitFor(t, "a full report after it", patience, full)
		assert.Empty(t, load.Stop().Failures())
		hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "after the nonsense"))
		h.server.WaitStatus(t, hash, applied)
		assert.Empty(t, elsewhere.Connections(), "what was not announced is not followed (S-053)")
		assert.Equal(t, pid, h.collector())
		assert.NotContains(t, h.log(), "panic")
		for _, m := range h.server.Messages() {
			assert.Nil(t, m.GetPackageStatuses())
			assert.Nil(t, m.GetConnectionSettingsStatus())
		}
		assert.Equal(t, 0, h.stop())
	})
}

func TestAnyHashIsEchoed(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		h, _ := working(t, tr, settings{})
		h.server.Withdraw()
		for name, hash := range map[string][]byte{
			"empty (G-17)": {}, "a kilobyte": bytes.Repeat([]byte{0xfe}, 1<<10), "no text": []byte("\x00\xff\n"),
		} {
			body := pipeline(h.addr, h.sink.URL(), "hash: "+name)["collector.yaml"]
			h.server.OfferRaw(offering(hash, map[string]*protobufs.AgentConfigFile{"": file(body)}))
			h.server.WaitStatus(t, hash, applied)
		}
		giant := bytes.Repeat([]byte{0xfd}, 1<<20) // not the start of one above; it would go into every file and message of ours
		h.server.OfferRaw(offering(giant, nil))
		h.server.WaitStatus(t, giant[:1<<10], failed)
		h.serving()
		assert.Equal(t, 0, h.stop())
	})
}

func TestFilesThatAreNoneAreNoReasonToFall(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{}, testkit.Except(testkit.Health)) // no files: stopped as asked
	for i, config := range []*protobufs.AgentConfigMap{
		nil, {}, {ConfigMap: map[string]*protobufs.AgentConfigFile{"a": nil, "": {}}},
	} {
		hash := []byte{byte(i)}
		h.server.OfferRaw(&protobufs.ServerToAgent{RemoteConfig: &protobufs.AgentRemoteConfig{ConfigHash: hash, Config: config}})
		h.server.WaitStatus(t, hash, applied)
	}
	h.server.OfferRaw(offering([]byte("bytes"), map[string]*protobufs.AgentConfigFile{"": file("\xff\xfe\x00")}))
	assert.Contains(t, h.server.WaitStatus(t, []byte("bytes"), failed).GetErrorMessage(), "UTF-8")
	hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "files again"))
	h.server.WaitStatus(t, hash, applied)
	h.serving()
}

func TestNamesFromTheServerLeadNowhere(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	whole := pipeline(h.addr, h.sink.URL(), "names")["collector.yaml"]
	names := []string{
		"../../e2e-escape", "/e2e-escape", "..", ".", ".hidden", "a/b/e2e-escape.yaml", `c:\e2e-escape`, "line\nbreak",
		strings.Repeat("n", 300), strings.Repeat("n", 300) + "2.yaml", strings.Repeat("ü", 200), "config.yaml", "CONFIG.yaml",
	}
	files := map[string]string{"": whole}
	for i, name := range names {
		files[name] = fmt.Sprintf("processors: {batch/%d: {}}\n", i)
	}
	hash := h.server.Offer(files)
	h.server.WaitStatus(t, hash, applied)
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir(h.path(), func(path string, entry fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(h.path("state", "remote"), path)
		if !strings.HasPrefix(rel, "..") && rel != "." {
			assert.True(t, entry.Type().IsRegular(), "%s", rel)
			found[rel] = true
		} else {
			assert.NotContains(t, filepath.Base(path), "escape")
		}
		return err
	}))
	assert.Len(t, found, len(names)+1, "every file under a name of its own: %v", found)
	for _, path := range []string{filepath.Join(filepath.Dir(h.path()), "e2e-escape"), "/e2e-escape"} {
		assert.NoFileExists(t, path)
	}
	h.serving()
}

func TestABurstOfOffersEndsWithTheLast(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{}, testkit.Except(testkit.Rate, testkit.ApplyingFirst))
	const many = 1000
	for i := range many {
		h.server.OfferRaw(offering(fmt.Appendf(nil, "burst %d", i), map[string]*protobufs.AgentConfigFile{
			"": file(fmt.Sprintf("processors: {batch/%d: {}}", i)),
		}))
	}
	hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "the last of many"))
	h.server.WaitStatus(t, hash, applied)
	h.server.Mark()
	h.server.RequestFullState()
	last := h.server.WaitFor(t, "a full report", patience, full).GetRemoteConfigStatus()
	assert.Equal(t, hash, last.GetLastRemoteConfigHash())
	assert.Equal(t, applied, last.GetStatus())
	ledger, err := os.ReadFile(h.path("state", "ledger.jsonl"))
	require.NoError(t, err)
	assert.Contains(t, string(ledger), "superseded")
	h.serving()
}

func TestTheSameOfferInEveryAnswerIsNoNews(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(body string) string
		want   protobufs.RemoteConfigStatuses
	}{
		"applied": {func(body string) string { return body }, applied},
		"failed":  {func(body string) string { return strings.ReplaceAll(body, "otlphttp", "otlphttpx") }, failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overBoth(t, func(t *testing.T, tr testkit.Transport) {
				h, _ := working(t, tr, settings{}, testkit.Naive())
				pid := h.collector()
				files := pipeline(h.addr, h.sink.URL(), "over and over")
				files["collector.yaml"] = c.change(files["collector.yaml"])
				hash := h.server.Offer(files)
				h.server.WaitStatus(t, hash, c.want)
				h.server.WaitFor(t, "health on it", patience, func(m *protobufs.AgentToServer) bool { return m.GetHealth().GetHealthy() })
				h.server.Mark()
				before := len(h.server.Messages())
				for range 20 {
					h.server.Offer(files)
				}
				h.server.RequestFullState() // answered after all that
				h.server.WaitFor(t, "a full report", patience, full)
				for _, m := range h.server.Messages()[before:] {
					assert.True(t, m.Asked || m.GetRemoteConfigStatus() == nil, "S-063: %v", m.AgentToServer)
				}
				if tr == testkit.WebSocket {
					assert.LessOrEqual(t, len(h.server.Messages())-before, 4, "S-063")
				}
				assert.Equal(t, pid, h.collector())
			})
		})
	}
}
