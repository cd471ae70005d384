package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
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

// defaultPorts are those that a component listens on when nothing is written.
func defaultPorts() map[string][]string {
	return map[string][]string{
		"otlp": {"4317", "4318"}, "health_check": {"13133"}, "zpages": {"55679"}, "pprof": {"1777"},
		"jaeger": {"14250", "14268", "6831", "6832"}, "zipkin": {"9411"},
	}
}

// ownPorts are those that the Collector that runs may have: every number in its
// configuration that could be one, those of its components that need not be written, and
// the one of its own metrics.
func ownPorts(current []byte) map[string]bool {
	own := map[string]bool{"8888": true}
	for _, port := range regexp.MustCompile(`[0-9]{2,5}`).FindAllString(string(current), -1) {
		own[port] = true
	}
	for kind, ports := range defaultPorts() {
		if strings.Contains(string(current), kind) {
			for _, port := range ports {
				own[port] = true
			}
		}
	}
	return own
}

// occupied returns an error when a configuration wants a port that another program
// has. `validate` starts nothing and so cannot see that; a Collector that is moved to
// such a configuration dies, and a restart is an outage that a look beforehand spares.
// It must not take the Collector's own ports for those of others: every number in the
// configuration in force that could be a port counts as its own, and so do those that its
// components have without a word; where variables are in the way, nothing is said.
func occupied(ctx context.Context, candidate, current []byte) error {
	if strings.Count(string(current), "${") > strings.Count(string(current), "${env:"+TokenVariable+"}") {
		return nil
	}
	own := ownPorts(current)
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
