package telemetry

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// reportTo makes the SDK speak to console instead of the standard error stream. The SDK has one such place per process.
func reportTo(console *zap.Logger) {
	failures, diagnostics := reporters(console)
	otel.SetErrorHandler(failures)
	otel.SetLogger(diagnostics)
}

// reporters speak seldom: a dead endpoint fails with every export, and one line a minute is enough to find it.
func reporters(console *zap.Logger) (otel.ErrorHandlerFunc, logr.Logger) {
	log := console.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, 1, 0)
	}))
	failures := func(err error) {
		log.Warn("own telemetry is not sent; check the exporters under telemetry", zap.String("error", shorten(withoutValue(err.Error()))))
	}
	diagnostics := func(_, line string) {
		log.Warn("own telemetry is in trouble", zap.String("detail", shorten(line)))
	}
	return failures, funcr.New(diagnostics, funcr.Options{
		Verbosity: 1, // where the SDK puts its warnings, such as of dropped records
		// The values that come with a message may be headers of OTEL_EXPORTER_OTLP_HEADERS, which are credentials.
		RenderArgsHook: func([]any) []any { return nil },
	})
}

// withoutValue cuts what the SDK says about a variable of the environment before it quotes the variable, for the same
// reason.
func withoutValue(text string) string {
	if about, _, quotes := strings.Cut(text, " value "); quotes && strings.HasPrefix(about, "invalid OTEL_") {
		return about
	}
	return text
}

// shorten keeps the answer of a strange server, which is part of an error, from filling the log.
func shorten(text string) string {
	const limit = 300
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}
