package effective

import (
	"encoding/json"
	"fmt"
)

// OwnTelemetry says where the Collector sends its own telemetry. A nil destination leaves the signal to the other layers.
type OwnTelemetry struct {
	Metrics, Traces, Logs *Destination
}

// Destination is an OTLP/HTTP endpoint that the server offered.
type Destination struct {
	// Endpoint is the full URL with the path; nothing is appended to it (S-207). The Collector does not send its query.
	Endpoint string `json:"endpoint"`
	// Headers go with every request, literally: a "$" in them is nothing special (S-208).
	Headers map[string]string `json:"headers,omitempty"`
}

// EncodeDestination gives a destination as text for storing; [DecodeTelemetry] reads it back. The text holds the headers and
// is as secret as they are.
func EncodeDestination(d Destination) (string, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("encode destination of own telemetry: %w", err)
	}
	return string(text), nil
}

// DecodeTelemetry reads back what [EncodeDestination] gave for each signal, "" where the server wants none.
func DecodeTelemetry(metrics, traces, logs string) (OwnTelemetry, error) {
	var t OwnTelemetry
	for _, signal := range []struct {
		name, text string
		into       **Destination
	}{{"metrics", metrics, &t.Metrics}, {"traces", traces, &t.Traces}, {"logs", logs, &t.Logs}} {
		if signal.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(signal.text), signal.into); err != nil {
			return OwnTelemetry{}, fmt.Errorf("stored destination of own %s cannot be read back: %w", signal.name, err)
		}
	}
	return t, nil
}
