//go:build linux

package agent

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

// newRealBench is for a real Collector; the test is skipped where there is none.
func newRealBench(t *testing.T) *bench {
	t.Helper()
	path := os.Getenv("OPAMPD_TEST_COLLECTOR")
	if path == "" {
		t.Skip("OPAMPD_TEST_COLLECTOR does not name a Collector")
	}
	b := newBench(t, "")
	b.Agent.Executable, b.Agent.Env = path, os.Environ()
	return b
}

const pipeline = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
`

func TestRealCollectorSaysWhatItIs(t *testing.T) {
	t.Parallel()
	b := newRealBench(t)
	binary, err := NewConfig(b.Settings).look(t.Context(), "")
	require.NoError(t, err)
	assert.Contains(t, binary.Name, "otelcol")
	assert.Regexp(t, `^v?\d+\.\d+\.\d+`, binary.Version)
	assert.True(t, binary.Extension)
	assert.True(t, binary.NoPipelines)
}

func TestRealCollectorRefusesWhatItCannotRunInItsOwnWords(t *testing.T) {
	t.Parallel()
	b := newRealBench(t)
	lane := NewConfig(b.Settings)
	for yaml, words := range map[string]string{
		"receivers: [":                               "not YAML",
		"receivers: {nonsense: {}}":                  "nonsense",
		"receivers: {otlp: {no_such_setting: 1}}":    "no_such_setting",
		pipeline + "  # and\nprocessors: {batch: 1}": "batch",
		`service: {pipelines: {traces: {receivers: [otlp], exporters: [nowhere]}}}`: "which is not configured",
	} {
		ev := b.refused(t, lane, b.offer(t, yaml))
		assert.Equal(t, core.KindContent, ev.Kind, yaml)
		assert.Contains(t, ev.Reason, words, yaml)
		assert.NotContains(t, ev.Reason, "Usage:")
	}
}

func TestRealCollectorTakesALargeConfiguration(t *testing.T) {
	t.Parallel()
	b := newRealBench(t)
	var yaml strings.Builder
	yaml.WriteString(pipeline + "processors:\n")
	for i := 0; yaml.Len() < 2<<20; i++ {
		yaml.WriteString("  batch/" + strings.Repeat("x", 200) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + ": {timeout: 1s}\n")
	}
	b.prepared(t, NewConfig(b.Settings), b.offer(t, yaml.String()))
}

func TestRealCollectorRunsWhatWasPrepared(t *testing.T) {
	t.Parallel()
	b := newRealBench(t)
	config := b.prepared(t, NewConfig(b.Settings), b.offer(t, pipeline))
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 2, Config: config, Token: "t"})
	require.IsType(t, core.Started{}, b.next(t))
	b.saysPart(t, "Everything is ready")
	l.do(core.Stop{Run: 2})
	assert.Regexp(t, "^(exited with code 0|was killed by signal 15)", b.next(t).(core.Exited).Reason)
}

// saysPart waits until the Collector printed a line with some words.
func (b *bench) saysPart(t *testing.T, words string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case said := <-b.lines:
			if strings.Contains(said, words) {
				return
			}
		case <-deadline:
			require.Fail(t, "not said", words)
		}
	}
}
