// Package effective turns the layers of Collector configuration (own telemetry, local files, the opamp extension, remote
// configuration) into the one document that the Collector is started with, and makes the copy that may leave the host.
// Bytes in, bytes out: it reads no environment variable, no file but for those that [Masker] is to hide, and keeps nothing.
package effective

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// MarkerKey is the non-identifying attribute in the opamp extension's settings that carries [Rendered.Hash]. The extension
// says it back when it connects, which tells the configuration that really runs from the one that should.
const MarkerKey = "opampd.config_hash"

// Layer is one named piece of Collector configuration.
type Layer struct {
	// Name is what people call it, such as a file's path. Errors and notes quote it.
	Name string
	// Body is YAML text in UTF-8. Empty means that the layer says nothing.
	Body []byte
}

// The placeholders of the supervisor's configuration format: entries of agent.config_files that are not files.
const (
	OwnTelemetryPlaceholder   = "$OWN_TELEMETRY_CONFIG"
	OpAMPExtensionPlaceholder = "$OPAMP_EXTENSION_CONFIG"
	RemotePlaceholder         = "$REMOTE_CONFIG"
)

// IsPlaceholder reports whether an entry of agent.config_files is one of the placeholders.
func IsPlaceholder(entry string) bool {
	return entry == OwnTelemetryPlaceholder || entry == OpAMPExtensionPlaceholder || entry == RemotePlaceholder
}

// LocalFile is one entry of agent.config_files.
type LocalFile struct {
	// Placeholder is one of the placeholders, or "" when the entry is a file.
	Placeholder string
	// Layer is the file's name and content when the entry is a file.
	Layer Layer
}

// Input is everything that makes up the Collector's configuration.
type Input struct {
	// Remote holds the files of the remote configuration. Their order does not matter: they are merged in the order of
	// their names, the one without a name last, because a protobuf map has no order of its own (S-119).
	Remote []Layer
	// Local holds agent.config_files in the order in which they are written.
	Local []LocalFile
	// Telemetry says where the server wants the Collector's own telemetry.
	Telemetry OwnTelemetry
	// Resource holds the attributes of the Collector's own telemetry. A literal "$" is safe here.
	Resource map[string]string
	// Extension describes the link between the Collector and the supervisor.
	Extension Extension
	// AllowNoPipelines says that the Collector accepts a service without pipelines (gate service.AllowNoPipelines).
	AllowNoPipelines bool
}

// Rendered is the configuration for the Collector.
type Rendered struct {
	// YAML is canonical: keys sorted, one way to write each value, no comments. It may hold secrets (S-292).
	YAML []byte
	// Hash is the SHA-256, in lower-case hexadecimal, of the YAML as it is without the marker. Two inputs with the same
	// meaning have the same hash, whatever their comments, white space and order of keys.
	Hash string
	// Notes are sentences worth a line in the log: what was overruled or filled in. They hold no values.
	Notes []string
}

// Render merges the layers and puts in what opampd itself needs. Maps merge key by key and lists replace each other, as in
// the Collector, except for service::extensions, which is a union. "${...}" and "$$" stay for the Collector to expand.
//
// Whatever the layers say, the result has opampd's own settings of the opamp extension, has it enabled, and has its instance
// uid as service.instance.id (S-285). A layer that cannot be used gives a [*ContentError].
func Render(in Input) (Rendered, error) {
	if in.Extension.InstanceUID == "" || in.Extension.Endpoint == "" {
		return Rendered{}, errors.New("render Collector configuration: the opamp extension needs an instance uid and an endpoint")
	}
	layers, err := parseLayers(in)
	if err != nil {
		return Rendered{}, err
	}
	notes := overruled(layers, in.Extension.InstanceUID)
	merged := mergeLayers(layers)
	notes = append(notes, unused(merged, in.Telemetry)...)
	enforceExtension(merged, in.Extension)
	disableDefaultMetricsPort(merged)
	switch {
	case !lacksPipelines(merged):
	case !in.AllowNoPipelines:
		addNopPipeline(merged)
		notes = append(notes, "no pipeline is configured, so one that does nothing was added: this Collector does not start without")
	case len(in.Remote) > 0:
		notes = append(notes, "no pipeline is configured: with this remote configuration the Collector runs and does nothing")
	}
	out := renderWithMarker(merged)
	out.Notes = notes
	return out, nil
}

// renderWithMarker writes each top-level section once, and only the one that holds the marker a second time.
func renderWithMarker(tree map[string]any) Rendered {
	blocks := map[string][]byte{}
	hash := sha256.New()
	for _, key := range sortedKeys(tree) {
		blocks[key] = encode(map[string]any{key: tree[key]})
		hash.Write(blocks[key])
	}
	out := Rendered{Hash: hex.EncodeToString(hash.Sum(nil))}
	setMarker(tree, out.Hash)
	blocks["extensions"] = encode(map[string]any{"extensions": tree["extensions"]})
	for _, key := range sortedKeys(tree) {
		out.YAML = append(out.YAML, blocks[key]...)
	}
	return out
}
