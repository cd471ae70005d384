package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// listening lists the component types whose `endpoint` is an address to listen on.
// For most others it is one to call.
func listening() []string {
	return []string{"receivers/otlp", "receivers/jaeger", "receivers/zipkin", "extensions/health_check", "extensions/zpages", "extensions/pprof"}
}

// occupied returns an error when a configuration wants a port that another program
// has. `validate` starts nothing and so cannot see that; a Collector that is moved to
// such a configuration dies, and a restart is an outage that a look beforehand spares.
// Ports of the configuration in force are the Collector's own.
func occupied(ctx context.Context, candidate, current []byte) error {
	own := map[string]bool{}
	for _, address := range endpoints(current) {
		_, port, _ := net.SplitHostPort(address)
		own[port] = true
	}
	for where, address := range endpoints(candidate) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || own[port] || host != "" && host != "localhost" && net.ParseIP(host) == nil {
			continue
		}
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s wants to listen on %s: address already in use by another program; free the port or choose another", where, address)
		}
		if err == nil {
			_ = l.Close()
		}
	}
	return nil
}

// endpoints returns the addresses that a configuration listens on by the place where
// they stand. What no pipeline uses is not started, and does not count.
func endpoints(config []byte) map[string]string {
	var conf struct {
		Receivers  map[string]any `yaml:"receivers"`
		Extensions map[string]any `yaml:"extensions"`
		Service    struct {
			Extensions []string `yaml:"extensions"`
			Pipelines  map[string]struct {
				Receivers []string `yaml:"receivers"`
			} `yaml:"pipelines"`
		} `yaml:"service"`
	}
	found := map[string]string{}
	if yaml.Unmarshal(config, &conf) != nil {
		return found // what cannot be read has no known endpoint
	}
	used := func(section, id string, settings any) {
		kind, _, _ := strings.Cut(id, "/")
		if slices.Contains(listening(), section+"/"+kind) {
			collect(found, section+"::"+id, settings)
		}
	}
	for _, id := range conf.Service.Extensions {
		used("extensions", id, conf.Extensions[id])
	}
	for _, pipeline := range conf.Service.Pipelines {
		for _, id := range pipeline.Receivers {
			used("receivers", id, conf.Receivers[id])
		}
	}
	return found
}

func collect(found map[string]string, path string, v any) {
	settings, ok := v.(map[string]any)
	if !ok {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if address, ok := settings[key].(string); ok && key == "endpoint" {
			found[path+"::endpoint"] = address
		}
		collect(found, path+"::"+key, settings[key])
	}
}
