package effective

import (
	"slices"

	"github.com/knadh/koanf/maps"
)

// extensionID is the component id of the Collector's opamp extension, by which it is found in the configuration.
const extensionID = "opamp"

// Extension describes the Collector's opamp extension, the Collector's end of the link to the supervisor.
type Extension struct {
	// Endpoint is the WebSocket URL of the supervisor, such as ws://127.0.0.1:4320/v1/opamp.
	Endpoint string
	// InstanceUID is the Agent's uid in the 36 characters of a UUID.
	InstanceUID string
	// ReportsAvailableComponents asks for the list of components.
	ReportsAvailableComponents bool
	// IncludeResourceAttributes asks for the resource attributes in the Agent's description.
	IncludeResourceAttributes bool
	// Headers are sent on connecting. They are rendered as they are, so that a value may be "${env:NAME}".
	Headers map[string]string
}

// extensionLayer has no ppid: the extension's orphan check does nothing at v0.149 (W11), and would end a Collector that a
// new supervisor has adopted if it did.
func extensionLayer(e Extension) map[string]any {
	ws := map[string]any{"endpoint": e.Endpoint, "tls": map[string]any{"insecure": true}}
	if len(e.Headers) > 0 {
		headers := map[string]any{}
		for name, value := range e.Headers {
			headers[name] = value
		}
		ws["headers"] = headers
	}
	settings := map[string]any{
		"instance_uid": e.InstanceUID,
		"server":       map[string]any{"ws": ws},
		"capabilities": map[string]any{
			"reports_available_components": e.ReportsAvailableComponents,
			"reports_effective_config":     true,
			"reports_health":               true,
		},
	}
	if e.IncludeResourceAttributes {
		settings["agent_description"] = map[string]any{"include_resource_attributes": true}
	}
	return map[string]any{
		"extensions": map[string]any{extensionID: settings},
		"service":    map[string]any{"extensions": []any{extensionID}},
	}
}

// enforceExtension puts back what no layer may take away (S-285): without it the supervisor would be blind.
func enforceExtension(merged map[string]any, e Extension) {
	ours := extensionLayer(e)
	section(merged, "extensions")[extensionID] = maps.Search(ours, []string{"extensions", extensionID})
	service := section(merged, "service")
	if enabled, _ := service["extensions"].([]any); !slices.Contains(enabled, any(extensionID)) {
		service["extensions"] = append(slices.Clone(enabled), extensionID)
	}
	section(merged, "service", "telemetry", "resource")["service.instance.id"] = e.InstanceUID
}

// setMarker puts the hash of the configuration into the extension's settings.
func setMarker(merged map[string]any, hash string) {
	section(merged, "extensions", extensionID, "agent_description", "non_identifying_attributes")[MarkerKey] = hash
}

// marker gives the hash that setMarker put into a tree, "" when there is none.
func marker(tree map[string]any) string {
	hash, _ := maps.Search(tree, []string{"extensions", extensionID, "agent_description", "non_identifying_attributes", MarkerKey}).(string)
	return hash
}

// removeMarker undoes setMarker.
func removeMarker(tree map[string]any) {
	maps.Delete(tree, []string{"extensions", extensionID, "agent_description", "non_identifying_attributes", MarkerKey})
}

// overruled says which layers define what enforceExtension will replace. It must look before the layers are merged, which
// changes them.
func overruled(layers []layer, instanceUID string) []string {
	var notes []string
	for _, l := range layers {
		if l.origin == "" {
			continue
		}
		extensions, _ := l.tree["extensions"].(map[string]any)
		if _, defined := extensions[extensionID]; defined {
			notes = append(notes, l.origin+" defines the opamp extension: opampd's own settings are used instead")
		}
		id := maps.Search(l.tree, []string{"service", "telemetry", "resource", "service.instance.id"})
		if id != nil && id != instanceUID {
			notes = append(notes, l.origin+" sets service.instance.id: the instance uid is used instead")
		}
	}
	return notes
}
