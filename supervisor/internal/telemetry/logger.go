// Package telemetry builds the logger of the supervisor and sends its own logs, metrics and traces over OTLP.
package telemetry

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// LogSettings are telemetry.logs of supervisor.yaml.
type LogSettings struct {
	Level, Encoding          string
	OutputPaths, ErrorOutput []string
}

// NewLogger builds the logger. The level is one of zap's names; the encoding is json
// or console; the outputs are paths, stdout or stderr.
func NewLogger(s LogSettings) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(s.Level)
	if err != nil {
		return nil, fmt.Errorf("telemetry::logs::level: %w", err)
	}
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	if s.Encoding == "console" {
		encoder.EncodeTime = zapcore.ISO8601TimeEncoder
		encoder.EncodeLevel = zapcore.CapitalLevelEncoder
	}
	logger, err := zap.Config{
		Level: zap.NewAtomicLevelAt(level), Encoding: s.Encoding, EncoderConfig: encoder,
		OutputPaths: s.OutputPaths, ErrorOutputPaths: s.ErrorOutput,
		DisableCaller: true, DisableStacktrace: true,
	}.Build()
	if err != nil {
		return nil, fmt.Errorf("open the log: %w; check telemetry.logs.output_paths", err)
	}
	return logger, nil
}
