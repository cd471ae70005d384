package process

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestParseLine(t *testing.T) {
	t.Parallel()
	const stamp = "2026-11-23T03:35:51.105Z"
	for text, want := range map[string]Line{
		stamp + "\tinfo\tservice@v0.149.0/service.go:241\tStarting...\t{\"NumCPU\": 2}": {
			Time: stamp, Level: "info", Message: "Starting...",
			Fields: map[string]any{"NumCPU": json.Number("2"), "caller": "service@v0.149.0/service.go:241"},
		},
		stamp + "\twarn\ta.go:1\ttabs\tinside": {
			Time: stamp, Level: "warn", Message: "tabs\tinside", Fields: map[string]any{"caller": "a.go:1"},
		},
		stamp + "\terror\tno caller": {Time: stamp, Level: "error", Message: "no caller"},
		`{"level":"error","ts":"` + stamp + `","msg":"x","id":12345678901234567890}`: {
			Time: stamp, Level: "error", Message: "x",
			Fields: map[string]any{"id": json.Number("12345678901234567890")},
		},
		`{"level":"fatal","ts":1.5,"msg":"x"}`: {
			Time: "1.5", Level: "error", Message: "x", Fields: map[string]any{},
		},
		`{"resourceMetrics":1}`: {
			Level: "info", Message: "(no message)", Fields: map[string]any{"resourceMetrics": json.Number("1")},
		},
		"plain":                           {Level: "info", Message: "plain"},
		"{not json}":                      {Level: "info", Message: "{not json}"},
		"a\tinfo\tb":                      {Level: "info", Message: "a\tinfo\tb"},
		"panic: boom":                     {Level: "error", Message: "panic: boom"},
		"Error: failed to get config: no": {Level: "error", Message: "Error: failed to get config: no"},
		"\t/go/src/x.go:7":                {Level: "info", Message: "\t/go/src/x.go:7"},
	} {
		want.Raw = text
		assert.Equal(t, want, ParseLine(text))
	}
}

func TestLinesAreBoundedWhateverTheChunks(t *testing.T) {
	t.Parallel()
	stream := "one\n\ntwo\n" + strings.Repeat("x", maxLine+1000) + "\nthree\n" + strings.Repeat("y", maxLine) + "\nfour"
	want := []string{"one", "two", strings.Repeat("x", maxLine), "three", strings.Repeat("y", maxLine), "four"}
	for _, size := range []int{1, 7, 4096, len(stream)} {
		var s splitter
		var got []string
		emit := func(line []byte) { got = append(got, string(line)) }
		for rest := []byte(stream); len(rest) > 0; rest = rest[min(size, len(rest)):] {
			s.feed(rest[:min(size, len(rest))], emit)
		}
		s.flush(emit)
		require.Equal(t, want, got, size)
	}
}

func TestForwardKeepsLevelAndFields(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.InfoLevel)
	forward := ForwardTo(zap.New(core))
	forward(Line{Level: "debug", Message: "not wanted"})
	forward(ParseLine("2026-01-02T03:04:05.678Z\tfatal\ta.go:1\tno way\t{\"n\": 2, \"b\": {\"x\": 1}}"))
	require.Equal(t, 1, logs.Len())
	entry := logs.All()[0]
	assert.Equal(t, zapcore.ErrorLevel, entry.Level)
	assert.Equal(t, "no way", entry.Message)
	assert.Equal(t, "2026-01-02T03:04:05.678Z", entry.Time.Format(time.RFC3339Nano))
	text, err := zapcore.NewJSONEncoder(zapcore.EncoderConfig{}).EncodeEntry(zapcore.Entry{}, entry.Context)
	require.NoError(t, err)
	assert.JSONEq(t, `{"b":{"x":1},"caller":"a.go:1","n":2}`, text.String())
}

func FuzzParseLine(f *testing.F) {
	f.Add("2026-01-01T00:00:00Z\tinfo\ta.go:1\tm\t{}")
	f.Add(`{"level":{},"ts":[],"msg":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		line := ParseLine(text)
		assert.Contains(t, []string{"debug", "info", "warn", "error"}, line.Level)
		assert.Equal(t, line.Raw, strings.ToValidUTF8(line.Raw, ""))
	})
}
