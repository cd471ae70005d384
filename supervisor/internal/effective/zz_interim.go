package effective

// INTERIM, replaced by the real package.

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

const MarkerKey = "opampd.config_hash"

type Layer struct {
	Name string
	Body []byte
}
type LocalFile struct {
	Layer       Layer
	Placeholder string
}
type Destination struct {
	Endpoint string            `json:"endpoint"`
	Headers  map[string]string `json:"headers,omitempty"`
}
type OwnTelemetry struct{ Metrics, Traces, Logs *Destination }
type Extension struct {
	Endpoint, InstanceUID                                string
	ReportsAvailableComponents, IncludeResourceAttributes bool
	Headers                                              map[string]string
}
type Input struct {
	Remote           []Layer
	Local            []LocalFile
	Telemetry        OwnTelemetry
	Resource         map[string]string
	Extension        Extension
	AllowNoPipelines bool
}
type Rendered struct {
	YAML  []byte
	Hash  string
	Notes []string
}
type ContentError struct {
	Layer, Reason string
	Line          int
}

func (e *ContentError) Error() string { return e.Layer + ": " + e.Reason }

func IsPlaceholder(s string) bool { return strings.HasPrefix(s, "$") }

func EncodeDestination(d Destination) (string, error) {
	b, err := json.Marshal(d)
	return string(b), err
}

func DecodeTelemetry(metrics, traces, logs string) (OwnTelemetry, error) {
	var o OwnTelemetry
	for s, p := range map[*string]**Destination{&metrics: &o.Metrics, &traces: &o.Traces, &logs: &o.Logs} {
		if *s != "" {
			*p = &Destination{}
			if err := json.Unmarshal([]byte(*s), *p); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

func Render(in Input) (Rendered, error) {
	conf := confmap.New()
	exts := []any{}
	merge := func(l Layer) error {
		m := map[string]any{}
		if err := yaml.Unmarshal(l.Body, &m); err != nil {
			return &ContentError{Layer: l.Name, Reason: "not YAML: " + err.Error()}
		}
		if s, ok := m["service"].(map[string]any); ok {
			if e, ok := s["extensions"].([]any); ok {
				exts = append(exts, e...)
			}
		}
		return conf.Merge(confmap.NewFromStringMap(m))
	}
	for _, l := range in.Local {
		if l.Placeholder == "" {
			if err := merge(l.Layer); err != nil {
				return Rendered{}, err
			}
		}
	}
	slices.SortFunc(in.Remote, func(a, b Layer) int { return strings.Compare(a.Name, b.Name) })
	for _, l := range in.Remote {
		if err := merge(l); err != nil {
			return Rendered{}, err
		}
	}
	m := conf.ToStringMap()
	sub := func(m map[string]any, k string) map[string]any {
		s, _ := m[k].(map[string]any)
		if s == nil {
			s = map[string]any{}
			m[k] = s
		}
		return s
	}
	opamp := map[string]any{"instance_uid": in.Extension.InstanceUID, "server": map[string]any{"ws": map[string]any{
		"endpoint": in.Extension.Endpoint, "tls": map[string]any{"insecure": true}, "headers": in.Extension.Headers}},
		"capabilities": map[string]any{"reports_available_components": in.Extension.ReportsAvailableComponents}}
	sub(m, "extensions")["opamp"] = opamp
	svc := sub(m, "service")
	if !slices.Contains(exts, any("opamp")) {
		exts = append(exts, "opamp")
	}
	svc["extensions"] = exts
	met := sub(sub(svc, "telemetry"), "metrics")
	if len(met) == 0 {
		met["level"] = "none"
	}
	b, err := yaml.Marshal(m)
	if err != nil {
		return Rendered{}, err
	}
	sum := sha256.Sum256(b)
	h := hex.EncodeToString(sum[:])
	opamp["agent_description"] = map[string]any{"non_identifying_attributes": map[string]any{MarkerKey: h}}
	b, err = yaml.Marshal(m)
	return Rendered{YAML: b, Hash: h}, err
}

func Redact(reported, rendered []byte) ([]byte, error) { return reported, nil }
