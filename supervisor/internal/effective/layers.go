package effective

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/maps"
	"go.yaml.in/yaml/v3"
)

// layer is a parsed piece of configuration.
type layer struct {
	// origin says in words where it comes from, "" for a layer of opampd's own.
	origin string
	tree   map[string]any
}

// parseLayers gives all layers, lowest first.
func parseLayers(in Input) ([]layer, error) {
	var p parser
	var layers []layer
	for _, entry := range order(in.Local) {
		var err error
		switch entry.Placeholder {
		case OwnTelemetryPlaceholder:
			layers = append(layers, layer{tree: telemetryLayer(in)})
		case OpAMPExtensionPlaceholder:
			layers = append(layers, layer{tree: extensionLayer(in.Extension)})
		case RemotePlaceholder:
			layers, err = p.appendRemote(layers, in.Remote)
		case "":
			layers, err = p.append(layers, entry.Layer, false)
		default:
			err = fmt.Errorf("render Collector configuration: unknown placeholder %q", entry.Placeholder)
		}
		if err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// order inserts the placeholders that local does not list: own telemetry lowest, the extension just below the remote
// configuration, the remote configuration highest.
func order(local []LocalFile) []LocalFile {
	at := func(p string) int {
		return slices.IndexFunc(local, func(f LocalFile) bool { return f.Placeholder == p })
	}
	local = slices.Clone(local)
	if at(OwnTelemetryPlaceholder) < 0 {
		local = slices.Insert(local, 0, LocalFile{Placeholder: OwnTelemetryPlaceholder})
	}
	if at(RemotePlaceholder) < 0 {
		local = append(local, LocalFile{Placeholder: RemotePlaceholder})
	}
	if at(OpAMPExtensionPlaceholder) < 0 {
		local = slices.Insert(local, at(RemotePlaceholder), LocalFile{Placeholder: OpAMPExtensionPlaceholder})
	}
	return local
}

func (p *parser) appendRemote(layers []layer, files []Layer) ([]layer, error) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b Layer) int {
		if (a.Name == "") != (b.Name == "") {
			return -cmp.Compare(a.Name, b.Name)
		}
		return cmp.Compare(a.Name, b.Name)
	})
	var err error
	for _, file := range files {
		if layers, err = p.append(layers, file, true); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

func (p *parser) append(layers []layer, file Layer, remote bool) ([]layer, error) {
	l := layer{origin: origin(file.Name, remote)}
	tree, root, err := p.parse(file.Body)
	if err == nil {
		err = checkShape(tree, root)
	}
	if fault, ok := errors.AsType[*ContentError](err); ok {
		fault.Layer, fault.Remote = l.origin, remote
		return nil, fault
	}
	if err != nil {
		return nil, err
	}
	l.tree = tree
	return append(layers, l), nil
}

func origin(name string, remote bool) string {
	switch {
	case remote && name == "":
		return "remote configuration (the file without a name)"
	case remote:
		return fmt.Sprintf("remote configuration file %q", name)
	default:
		return fmt.Sprintf("configuration file %q", name)
	}
}

// checkShape refuses what opampd could not put its own settings into: these sections must be written out, because nobody
// but the Collector knows what a "${file:...}" in their place will be (S-285).
func checkShape(tree map[string]any, root *yaml.Node) error {
	sections := [][]string{{"extensions"}, {"service"}, {"service", "telemetry"}, {"service", "telemetry", "resource"}}
	for _, path := range sections {
		switch maps.Search(tree, path).(type) {
		case nil, map[string]any:
		default:
			return &ContentError{Line: lineOf(root, path...), Reason: pathText(path) + " must be a mapping written out here: opampd adds its own settings to it"}
		}
	}
	list := []string{"service", "extensions"}
	switch maps.Search(tree, list).(type) {
	case nil, []any:
		return nil
	default:
		return &ContentError{Line: lineOf(root, list...), Reason: pathText(list) + " must be a list written out here: opampd adds its own extension to it"}
	}
}

// mergeLayers merges as the Collector's confmap does, by the same library function but without its flattened copy of
// everything after every step; a test holds the two equal.
func mergeLayers(layers []layer) map[string]any {
	merged := map[string]any{}
	for _, l := range layers {
		uniteExtensions(merged, l.tree)
		maps.Merge(l.tree, merged)
	}
	return merged
}

// uniteExtensions makes service::extensions of the higher layer a union with the lower, in their order: users would
// otherwise lose extensions without a word (W23).
func uniteExtensions(low, high map[string]any) {
	path := []string{"service", "extensions"}
	below, ok := maps.Search(low, path).([]any)
	above, too := maps.Search(high, path).([]any)
	if !ok || !too {
		return
	}
	union := slices.Clone(below)
	for _, id := range above {
		if !slices.ContainsFunc(union, func(other any) bool { return reflect.DeepEqual(id, other) }) {
			union = append(union, id)
		}
	}
	section(high, "service")["extensions"] = union
}

// section gives the mapping at path, which it makes when there is none.
func section(tree map[string]any, path ...string) map[string]any {
	for _, key := range path {
		below, ok := tree[key].(map[string]any)
		if !ok {
			below = map[string]any{}
			tree[key] = below
		}
		tree = below
	}
	return tree
}

func pathText(path []string) string {
	return strings.Join(path, delimiter)
}
