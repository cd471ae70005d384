package telemetry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// clock is the time of a test.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time                         { return c.now }
func (c *clock) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

func TestFailuresAreReportedOnceAMinute(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1000, 0)}
	core, seen := observer.New(zap.InfoLevel)
	fail, _ := reporters(zap.New(core, zap.WithClock(now)))
	for range 5 {
		fail(errors.New("connection refused"))
		fail(errors.New("another"))
	}
	assert.Equal(t, 1, seen.Len())
	now.now = now.now.Add(61 * time.Second)
	fail(errors.New("still refused"))
	require.Equal(t, 2, seen.Len())
	assert.Equal(t, "still refused", seen.All()[1].ContextMap()["error"])
}

func TestWarningsOfTheSDKAreReportedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	core, seen := observer.New(zap.InfoLevel)
	_, sdk := reporters(zap.New(core))
	sdk.V(1).Info("dropped log records", "dropped", "s3cret")
	sdk.V(4).Info("chatter")
	require.Equal(t, 1, seen.Len())
	detail := fmt.Sprint(seen.All()[0].ContextMap()["detail"])
	assert.Contains(t, detail, "dropped log records")
	assert.NotContains(t, detail, "s3cret")
}

// The tests that follow share the SDK's one error handler and do not run in parallel. Exporters of tests that are over
// may speak up in them too, which is why they ask for no text.

func TestARejectedExportIsReportedToTheConsole(t *testing.T) { //nolint:paralleltest // see above
	s := newSink(t, http.StatusUnauthorized)
	s.Start()
	core, seen := observer.New(zap.InfoLevel)
	settings := logsTo(s)
	settings.Console = zap.New(core)
	log := start(t, settings).Logger(zap.NewExample(zap.WrapCore(quiet)))
	for range 10 {
		log.Info("x")
		s.next(t)
	}
	// The tenth request is there, so the first nine failures have been handled.
	assert.Equal(t, 1, seen.FilterMessageSnippet("is not sent").Len())
}

func TestHeadersOfTheEnvironmentAreNotLogged(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "s3cret")
	s := startSink(t)
	core, seen := observer.New(zap.DebugLevel)
	settings := logsTo(s)
	settings.Traces, settings.Metrics = settings.Logs, metricsTo(s).Metrics
	settings.Console = zap.New(core)
	start(t, settings)
	require.NotZero(t, seen.Len())
	for _, line := range seen.All() {
		assert.NotContains(t, fmt.Sprint(line.Message, line.ContextMap()), "s3cret")
	}
}

func TestALongErrorIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "short", shorten("short"))
	got := shorten("a" + strings.Repeat("é", 400))
	assert.LessOrEqual(t, len(got), 303)
	assert.True(t, utf8.ValidString(got))
}
