package effective

import (
	"fmt"
	gomaps "maps"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/maps"
)

// metricsInterval is how often own metrics are sent, in milliseconds (S-202).
const metricsInterval = 10_000

// telemetryLayer is built as a structure, never as text, so that nothing in an offer can break out of its place (W19).
// The schema is that of the Collector at v0.149: otelconf v0.3.0, and a flat map for the resource.
func telemetryLayer(in Input) map[string]any {
	telemetry := map[string]any{}
	if d := in.Telemetry.Metrics; d != nil {
		reader := map[string]any{"interval": metricsInterval, "exporter": exporter(d)}
		section(telemetry, "metrics")["readers"] = []any{map[string]any{"periodic": reader}}
	}
	if d := in.Telemetry.Traces; d != nil {
		section(telemetry, "traces")["processors"] = batch(d)
	}
	if d := in.Telemetry.Logs; d != nil {
		section(telemetry, "logs")["processors"] = batch(d)
	}
	for key, value := range in.Resource {
		section(telemetry, "resource")[key] = literal(value)
	}
	return map[string]any{"service": map[string]any{"telemetry": telemetry}}
}

func batch(d *Destination) []any {
	return []any{map[string]any{"batch": map[string]any{"exporter": exporter(d)}}}
}

func exporter(d *Destination) map[string]any {
	otlp := map[string]any{"protocol": "http/protobuf", "endpoint": literal(d.Endpoint)}
	headers := make([]any, 0, len(d.Headers))
	for _, name := range slices.Sorted(gomaps.Keys(d.Headers)) {
		headers = append(headers, map[string]any{"name": literal(name), "value": literal(d.Headers[name])})
	}
	if len(headers) > 0 {
		otlp["headers"] = headers
	}
	return map[string]any{"otlp": otlp}
}

// literal keeps the Collector from expanding a value (S-208).
func literal(value string) string { return strings.ReplaceAll(value, "$", "$$") }

// unused says which destinations of the server do not count because a higher layer replaced the list they are in.
func unused(merged map[string]any, t OwnTelemetry) []string {
	var notes []string
	ours := telemetryLayer(Input{Telemetry: t})
	for _, list := range [][2]string{{"metrics", "readers"}, {"traces", "processors"}, {"logs", "processors"}} {
		path := []string{"service", "telemetry", list[0], list[1]}
		if want := maps.Search(ours, path); want != nil && !reflect.DeepEqual(want, maps.Search(merged, path)) {
			notes = append(notes, fmt.Sprintf("the server's destination for own %s is not used: another layer sets %s", list[0], pathText(path)))
		}
	}
	return notes
}

// disableDefaultMetricsPort keeps the Collector from listening on 127.0.0.1:8888 for its own metrics, which nobody asked
// for and which a second Collector could not share. An empty list of readers is refused by the Collector, the level is not.
func disableDefaultMetricsPort(merged map[string]any) {
	telemetry := section(merged, "service", "telemetry")
	metrics, isMap := telemetry["metrics"].(map[string]any)
	if !isMap && telemetry["metrics"] != nil {
		return
	}
	for _, key := range []string{"readers", "level", "address"} {
		if _, asked := metrics[key]; asked {
			return
		}
	}
	section(telemetry, "metrics")["level"] = "none"
}

// lacksPipelines reports whether there is certainly none; a reference may stand for some.
func lacksPipelines(merged map[string]any) bool {
	service := section(merged, "service")
	pipelines, isMap := service["pipelines"].(map[string]any)
	return len(pipelines) == 0 && (isMap || service["pipelines"] == nil)
}

// addNopPipeline gives a Collector that insists on a pipeline one that does nothing.
func addNopPipeline(merged map[string]any) {
	section(merged, "receivers")["nop"] = nil
	section(merged, "exporters")["nop"] = nil
	section(merged, "service")["pipelines"] = map[string]any{
		"traces": map[string]any{"receivers": []any{"nop"}, "exporters": []any{"nop"}},
	}
}
