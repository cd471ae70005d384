package telemetry

import (
	"context"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// describe says who sends: the names that the reference supervisor uses, under what OTEL_RESOURCE_ATTRIBUTES says,
// under telemetry.resource. The resource is good even with an error, which is about that environment variable.
func describe(ctx context.Context, s Settings) (*resource.Resource, error) {
	if s.InstanceID == "" {
		s.InstanceID = uuid.NewString()
	}
	all := map[string]string{
		"service.name": "opamp-supervisor", "service.instance.id": s.InstanceID, "service.version": s.Version,
	}
	detected, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		err = fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	for _, kv := range detected.Attributes() {
		all[string(kv.Key)] = kv.Value.AsString()
	}
	maps.Copy(all, s.Resource)
	var attributes []attribute.KeyValue
	for k, v := range all {
		if v != "" {
			attributes = append(attributes, attribute.String(k, v))
		}
	}
	return resource.NewSchemaless(attributes...), err
}
