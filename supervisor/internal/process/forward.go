package process

import (
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// ForwardTo returns a function for LogSettings.Lines that writes each line to logger with its own level, time and
// fields, in order of their names.
func ForwardTo(logger *zap.Logger) func(Line) {
	never := zap.LevelEnablerFunc(func(zapcore.Level) bool { return false })
	logger = logger.WithOptions(zap.WithCaller(false), zap.AddStacktrace(never)) // the Collector's, not ours
	return func(line Line) {
		entry := logger.Check(zapLevel(line.Level), line.Message)
		if entry == nil {
			return
		}
		if logged, err := time.Parse(time.RFC3339, line.Time); err == nil {
			entry.Time = logged
		}
		fields := make([]zap.Field, 0, len(line.Fields))
		for _, name := range slices.Sorted(maps.Keys(line.Fields)) {
			fields = append(fields, zap.Reflect(name, line.Fields[name])) // not Any: it makes strings of json.Number
		}
		entry.Write(fields...)
	}
}

// zapLevel never is one of the levels at which zap ends the program.
func zapLevel(level string) zapcore.Level {
	switch level {
	case "debug":
		return zapcore.DebugLevel
	case "warn":
		return zapcore.WarnLevel
	case "error":
		return zapcore.ErrorLevel
	}
	return zapcore.InfoLevel
}
