package config

import (
	"fmt"
	"slices"
	"strings"
)

// decoder checks one layer of settings against the schema and gives its values their types.
type decoder struct {
	*report
	schema   schema
	origins  map[string]source // where the keys in force were written, over all layers so far
	noted    map[string]bool   // explanations given: one is enough for a dozen keys of one feature
	unknowns int               // keys refused so far
}

// scope is the part of the layer that is being decoded, and where its values go.
type scope struct {
	pattern string         // as in the schema
	path    string         // as shown: with [0] for []
	tree    map[string]any // the layer, or one element of a list
	base    string         // the pattern that tree stands for
}

func (s scope) below(name string) scope {
	s.pattern, s.path = join(s.pattern, name), join(s.path, name)
	return s
}

func (s scope) put(v any) { put(s.tree, strings.TrimPrefix(s.pattern, s.base), v) }

func (s scope) inList() bool { return s.base != "" }

// file decodes a whole file into a tree for koanf.
func (d *decoder) file(v value) map[string]any {
	tree := map[string]any{}
	d.section(v, scope{tree: tree})
	return tree
}

func (d *decoder) section(v value, s scope) {
	if v.kind == null {
		return
	}
	if v.kind != section {
		d.problem(v.at, s.path, "must be a section with keys of its own")
		return
	}
	for _, f := range v.fields {
		d.field(f, s.below(f.name))
	}
}

func (d *decoder) field(f field, s scope) {
	key, known := d.schema.keys[s.pattern]
	switch {
	case known:
		d.key(key, f.value, s)
	case d.schema.sections[s.pattern]:
		d.origins[s.path] = f.value.at
		if s.inList() { // "otlp:" alone asks for an exporter with its defaults
			s.put(map[string]any{})
		}
		d.section(f.value, s)
	case s.inList() && strings.HasPrefix(s.pattern, "telemetry."): // otelconf has more of them than we know
		d.warn(f.value.at, s.path, "unknown key; it has no effect")
	default:
		d.problem(f.value.at, s.path, "%s", d.unknown(s.pattern))
	}
}

// unknown words the refusal of a key. A file with hundreds of them, or with endless names, is no typing mistake:
// it is refused without a search that could take minutes.
func (d *decoder) unknown(path string) string {
	d.unknowns++
	if d.unknowns <= 50 && len(path) <= 100 {
		if nearest := d.schema.nearest(path); nearest != "" {
			return fmt.Sprintf("unknown key; did you mean %s?", nearest)
		}
	}
	return "unknown key"
}

func (d *decoder) key(key Key, v value, s scope) {
	switch key.Status {
	case Deprecated:
		d.note(v.at, s.path, "deprecated; "+key.Meaning)
	case Accepted:
		if asks(v) {
			d.note(v.at, s.path, "accepted, but not built in this version: "+key.Meaning)
		}
	case Built, Inert:
	}
	if key.Alias != "" {
		d.alias(key.Alias, v, s)
		return
	}
	if key.Status == Deprecated || key.Status == Accepted || v.kind == null {
		return
	}
	v.at.whole, v.at.secret = v.at.secret, tainted(v)
	typed, err := d.typed(key, v, s)
	if err != nil {
		d.problem(v.at, s.path, "%v", err)
		return
	}
	d.origins[s.path] = v.at
	s.put(typed)
}

// alias stores a value under its new name, unless that is written too.
func (d *decoder) alias(name string, v value, s scope) {
	if at, ok := d.origins[name]; ok && at.file == v.at.file {
		return
	}
	s.pattern, s.path = name, name
	d.key(d.schema.keys[name], v, s)
}

func (d *decoder) note(at source, path, message string) {
	message = strings.ReplaceAll(message, "`", "")
	if !d.noted[message] {
		d.noted[message] = true
		d.warn(at, path, "%s", message)
	}
}

// tainted reports whether any part of a value was brought in by ${...}.
func tainted(v value) bool {
	return v.at.secret || slices.ContainsFunc(v.items, tainted) ||
		slices.ContainsFunc(v.fields, func(f field) bool { return tainted(f.value) })
}

// asks reports whether a value asks for something: false, 0 and nothing at all do not.
func asks(v value) bool {
	switch v.kind {
	case scalar:
		return v.text != "" && v.text != "0" && !strings.EqualFold(v.text, "false")
	case list, section:
		return len(v.items)+len(v.fields) > 0
	case null:
	}
	return false
}
