package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// prefix begins the name of every variable that overrides a key: OPAMPD_SERVER__ENDPOINT is server.endpoint.
const prefix = "OPAMPD_"

// variable decodes an environment variable for koanf: its key and typed value, or "" to leave it out.
// An empty one counts as not set.
func (d *decoder) variable(name, text string) (string, any) {
	path := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "__", "."))
	at := source{file: name}
	key, known := d.schema.keys[path]
	switch {
	case !known && strings.Contains(path, "."):
		d.problem(at, path, "%s", d.unknown(path))
		return "", nil
	case !known: // Kubernetes makes OPAMPD_PORT and more of a service called opampd
		d.warn(at, "", "is not the name of a setting and has no effect")
		return "", nil
	case text == "":
		return "", nil
	}
	tree := map[string]any{}
	if v, ok := d.parse(key, text, at); ok {
		d.key(key, v, scope{pattern: path, path: path, tree: tree})
	}
	return only(tree)
}

// only returns the path and the value of a tree that holds one value.
func only(tree map[string]any) (string, any) {
	for name, v := range tree {
		below, ok := v.(map[string]any)
		if !ok {
			return name, v
		}
		path, leaf := only(below)
		return name + "." + path, leaf
	}
	return "", nil
}

// parse reads a text from outside the file: lists are separated by commas or written as YAML, maps are YAML.
func (d *decoder) parse(key Key, text string, at source) (value, bool) {
	switch key.Type {
	case String, Bool, Int, Duration, Milliseconds, Size, Expression:
		return value{kind: scalar, text: text, at: at}, true
	case Strings:
		if !strings.HasPrefix(strings.TrimSpace(text), "[") {
			return split(text, at), true
		}
	case StringMap, HeaderMap, Attributes, Sections, Any:
	}
	outside := reader{report: &report{}, literal: true}
	v, ok := outside.read([]byte(text), at.file)
	if !ok {
		d.problem(at, key.Path, "is not YAML, such as [a, b] or {a: b}") // the parser might repeat a secret
	}
	v.at = at
	return v, ok
}

func split(text string, at source) value {
	v := value{kind: list, at: at}
	for part := range strings.SplitSeq(text, ",") {
		v.items = append(v.items, value{kind: scalar, text: strings.TrimSpace(part), at: at})
	}
	return v
}

// flags decodes the flags that were given into a tree for koanf.
func (d *decoder) flags(o Options) map[string]any {
	tree := map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(o.Flags)) {
		name := o.FlagNames[path]
		if name == "" {
			name = path
		}
		at := source{file: "flag --" + name}
		key, known := d.schema.keys[path]
		if !known {
			d.problem(at, path, "%s", d.unknown(path))
			continue
		}
		if v, ok := d.flag(key, o.Flags[path], at); ok {
			d.key(key, v, scope{pattern: path, path: path, tree: tree})
		}
	}
	return tree
}

func (d *decoder) flag(key Key, given any, at source) (value, bool) {
	switch given := given.(type) {
	case []string:
		v := value{kind: list, at: at}
		for _, text := range given {
			v.items = append(v.items, value{kind: scalar, text: text, at: at})
		}
		return v, true
	case string:
		return d.parse(key, given, at)
	case bool, int, int64, time.Duration:
		return value{kind: scalar, text: fmt.Sprint(given), at: at}, true
	default:
		d.problem(at, key.Path, "cannot be given as a flag of type %T", given)
		return value{}, false
	}
}

// variables makes a map of "NAME=value" entries; the last one of a name counts, as for os/exec.
func variables(environ []string) map[string]string {
	all := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, text, ok := strings.Cut(entry, "="); ok {
			all[name] = text
		}
	}
	return all
}

// overrides are the entries for koanf, in a stable order so that reports are stable too.
func overrides(environ []string) []string {
	var all []string
	for name, text := range variables(environ) {
		if strings.HasPrefix(name, prefix) {
			all = append(all, name+"="+text)
		}
	}
	slices.Sort(all)
	return all
}
