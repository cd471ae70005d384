package effective

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write testdata/*/want.yaml anew")

const uid = "018d4b2e-0000-7000-8000-000000000001"

func link() Extension {
	return Extension{
		Endpoint: "ws://127.0.0.1:4320/v1/opamp", InstanceUID: uid,
		Headers: map[string]string{"Authorization": "Bearer ${env:OPAMPD_LINK_TOKEN}"},
	}
}

// input reads testdata/<name>/in.yaml.
func input(t *testing.T, name string) Input {
	t.Helper()
	type file struct{ Placeholder, Name, Body string }
	type destination struct {
		Endpoint string
		Headers  map[string]string
	}
	var text struct {
		Local            []file
		Remote           []file
		Resource         map[string]string
		Telemetry        struct{ Metrics, Traces, Logs *destination }
		AllowNoPipelines bool `yaml:"allow_no_pipelines"`
	}
	body, err := os.ReadFile(filepath.Join("testdata", name, "in.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(body, &text))
	in := Input{Extension: link(), Resource: text.Resource, AllowNoPipelines: text.AllowNoPipelines}
	in.Telemetry = OwnTelemetry{
		Metrics: (*Destination)(text.Telemetry.Metrics), Traces: (*Destination)(text.Telemetry.Traces), Logs: (*Destination)(text.Telemetry.Logs),
	}
	for _, f := range text.Local {
		in.Local = append(in.Local, LocalFile{Placeholder: f.Placeholder, Layer: Layer{Name: f.Name, Body: []byte(f.Body)}})
	}
	for _, f := range text.Remote {
		in.Remote = append(in.Remote, Layer{Name: f.Name, Body: []byte(f.Body)})
	}
	return in
}

func cases(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join("testdata", e.Name(), "in.yaml")); err == nil {
			names = append(names, e.Name())
		}
	}
	return names
}

func remote(bodies ...string) Input {
	in := Input{Extension: link(), AllowNoPipelines: true}
	for i, body := range bodies {
		in.Remote = append(in.Remote, Layer{Name: string(rune('a'+i)) + ".yaml", Body: []byte(body)})
	}
	return in
}

func render(t *testing.T, in Input) Rendered {
	t.Helper()
	out, err := Render(in)
	require.NoError(t, err)
	return out
}

func tree(t *testing.T, body []byte) map[string]any {
	t.Helper()
	m := map[string]any{}
	require.NoError(t, yaml.Unmarshal(body, &m))
	return m
}

func TestRenderedConfigurationIsAsInTestdata(t *testing.T) {
	t.Parallel()
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := render(t, input(t, name))
			got := string(out.YAML)
			for _, note := range out.Notes {
				got += "# " + note + "\n"
			}
			path := filepath.Join("testdata", name, "want.yaml")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestHashIgnoresCommentsOrderAndWhiteSpace(t *testing.T) {
	t.Parallel()
	a := render(t, remote("receivers: {otlp: , nop: {}}\nexporters: {debug: {a: 'x', b: 1.0}}"))
	b := render(t, remote("# hello\nexporters:\n  debug:\n    b: 1.0   # one\n    a: \"x\"\nreceivers:\n    nop: {}\n    otlp:\n"))
	assert.Equal(t, a, b)
	assert.Contains(t, string(a.YAML), MarkerKey+": "+a.Hash)
}

func TestHashChangesWithTheMeaning(t *testing.T) {
	t.Parallel()
	a := render(t, remote("exporters: {debug: {b: 1}}"))
	assert.NotEqual(t, a.Hash, render(t, remote("exporters: {debug: {b: '1'}}")).Hash)
	assert.NotEqual(t, a.Hash, render(t, remote("exporters: {debug: {b: 1.0}}")).Hash)
}

func TestRemoteFilesMergeByNameWhateverTheirOrder(t *testing.T) {
	t.Parallel()
	in := input(t, "remote-wins")
	want := render(t, in)
	slices.Reverse(in.Remote)
	assert.Equal(t, want, render(t, in))
}

func TestRenderLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	in := input(t, "remote-wins")
	render(t, in)
	assert.Equal(t, input(t, "remote-wins"), in)
}

func TestNothingFromTheServerIsAnEmptyConfiguration(t *testing.T) { // S-123
	t.Parallel()
	assert.Equal(t, render(t, remote()).Hash, render(t, remote("", "# only a comment", "---\n", "null", "{}")).Hash)
}

func TestExtensionSurvivesWhateverALayerSays(t *testing.T) { // S-285
	t.Parallel()
	want := extensionLayer(link())["extensions"].(map[string]any)["opamp"]
	for _, hostile := range []string{
		"extensions:", "service:", "extensions: {opamp: }", "extensions: {opamp: '${env:HOME}'}", "service: {extensions: []}",
		"service: {extensions: [health_check], telemetry: }", "extensions::opamp::server::ws::endpoint: ws://evil",
		"extensions: {'opamp::server': {ws: {endpoint: ws://evil}}}", "service::extensions: []", "x: &a {opamp: 1}\nextensions: {<<: *a}",
		"service: {telemetry: {resource: {service.instance.id: forged}}}",
	} {
		merged := tree(t, render(t, remote("extensions: {health_check: }", hostile)).YAML)
		removeMarkerFromRendered(t, merged)
		assert.Equal(t, want, merged["extensions"].(map[string]any)["opamp"], hostile)
		service := merged["service"].(map[string]any)
		assert.Contains(t, service["extensions"], "opamp", hostile)
		assert.Equal(t, uid, service["telemetry"].(map[string]any)["resource"].(map[string]any)["service.instance.id"], hostile)
	}
}

func removeMarkerFromRendered(t *testing.T, merged map[string]any) {
	t.Helper()
	require.NotEmpty(t, marker(merged))
	removeMarker(merged)
}

func TestExtensionOptionsAreRendered(t *testing.T) {
	t.Parallel()
	in := remote()
	in.Extension.ReportsAvailableComponents, in.Extension.IncludeResourceAttributes = true, true
	text := string(render(t, in).YAML)
	assert.Contains(t, text, "reports_available_components: true")
	assert.Contains(t, text, "include_resource_attributes: true")
}

func TestRenderNeedsAUIDAndAnEndpoint(t *testing.T) {
	t.Parallel()
	_, err := Render(Input{})
	assert.ErrorContains(t, err, "instance uid")
}

func TestMetricsPortIsLeftAloneWhenAskedFor(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"{level: detailed}", "{readers: [{pull: }]}", "{address: 'localhost:8888'}", "'${file:metrics.yaml}'"} {
		out := render(t, remote("service: {telemetry: {metrics: "+asked+"}}"))
		assert.NotContains(t, string(out.YAML), "level: none", asked)
	}
	assert.Contains(t, string(render(t, remote("service: {telemetry: {metrics: }}")).YAML), "level: none")
}

func TestNotesTellWhatWasOverruled(t *testing.T) {
	t.Parallel()
	in := remote("extensions: {opamp: {a: b}}\nservice: {telemetry: {metrics: {readers: []}, resource: {service.instance.id: x}}}")
	in.Telemetry.Metrics = &Destination{Endpoint: "http://h/p"}
	in.AllowNoPipelines = false
	notes := strings.Join(render(t, in).Notes, "\n")
	assert.Contains(t, notes, `remote configuration file "a.yaml" defines the opamp extension`)
	assert.Contains(t, notes, `remote configuration file "a.yaml" sets service.instance.id`)
	assert.Contains(t, notes, "own metrics is not used")
	assert.Contains(t, notes, "no pipeline is configured")
}

func TestARemoteConfigurationThatLeavesNoPipelineIsNoted(t *testing.T) {
	t.Parallel()
	const idle = "no pipeline is configured: with this remote configuration the Collector runs and does nothing"
	assert.Equal(t, []string{idle}, render(t, remote("")).Notes)
	assert.Equal(t, []string{idle}, render(t, remote("service: {pipelines: {}}")).Notes)
	assert.Empty(t, render(t, remote("service: {pipelines: {logs: }}")).Notes)
	assert.Empty(t, render(t, remote("service: {pipelines: '${file:pipelines.yaml}'}")).Notes, "who knows")
	assert.Empty(t, render(t, remote()).Notes, "nobody asked for one yet")
}

func TestDestinationsSurviveStoring(t *testing.T) {
	t.Parallel()
	d := Destination{Endpoint: "https://h/v1/metrics?a=b", Headers: map[string]string{"a": "\"\n$"}}
	text, err := EncodeDestination(d)
	require.NoError(t, err)
	got, err := DecodeTelemetry(text, "", text)
	require.NoError(t, err)
	assert.Equal(t, OwnTelemetry{Metrics: &d, Logs: &d}, got)
	_, err = DecodeTelemetry("", "{", "")
	assert.ErrorContains(t, err, "own traces")
}

func TestPlaceholdersAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	assert.True(t, IsPlaceholder("$REMOTE_CONFIG"))
	assert.False(t, IsPlaceholder("$HOME/a.yaml"))
	_, err := Render(Input{Extension: link(), Local: []LocalFile{{Placeholder: "$OTHER"}}})
	assert.ErrorContains(t, err, `"$OTHER"`)
}
