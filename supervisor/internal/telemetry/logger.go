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
// or console; the outputs are paths, stdout or stderr. Logging never waits for them:
// lines that nobody takes are dropped, and counted. The function that is returned
// writes what is left and lets go of the outputs.
func NewLogger(s LogSettings) (*zap.Logger, func(), error) {
	level, err := zapcore.ParseLevel(s.Level)
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry::logs::level: %w", err)
	}
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	if s.Encoding == "console" {
		encoder.EncodeTime = zapcore.ISO8601TimeEncoder
		encoder.EncodeLevel = zapcore.CapitalLevelEncoder
	}
	encode := zapcore.NewJSONEncoder
	if s.Encoding == "console" {
		encode = zapcore.NewConsoleEncoder
	}
	out, closeOut, err := zap.Open(s.OutputPaths...)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w; check telemetry.logs.output_paths", err)
	}
	errorOut, closeErrors, err := zap.Open(s.ErrorOutput...)
	if err != nil {
		closeOut()
		return nil, nil, fmt.Errorf("open the log: %w; check telemetry.logs.error_output_paths", err)
	}
	sink := newLossy(out)
	logger := zap.New(zapcore.NewCore(encode(encoder), sink, level), zap.ErrorOutput(errorOut))
	return logger, func() { sink.close(); closeOut(); closeErrors() }, nil
}
