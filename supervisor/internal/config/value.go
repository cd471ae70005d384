package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits on what one file may hold. Real files are a thousand times smaller; these stop YAML bombs.
const (
	maxFileSize = 1 << 20
	maxValues   = 20_000
	maxDepth    = 32
)

type kind int

const (
	null kind = iota
	scalar
	list
	section
)

// value is a piece of the file: aliases and ${...} resolved, position kept, not yet typed.
type value struct {
	kind   kind
	text   string // a scalar as written; for what ${...} brought in, its source text whatever the kind
	items  []value
	fields []field
	at     source
}

type field struct {
	name  string
	value value
}

// reader turns YAML into values.
type reader struct {
	*report
	environ map[string]string
	literal bool // leave ${...} as it is
	values  int  // built so far, counting what aliases repeat
	bytes   int  // brought in by ${...} so far
}

// read parses a YAML document. Everything in it is reported under file, at its own line.
func (r *reader) read(document []byte, file string) (value, bool) {
	var node yaml.Node
	if err := yaml.Unmarshal(document, &node); err != nil {
		r.syntax(err, file)
		return value{}, false
	}
	before := len(r.problems)
	v := r.build(&node, place{at: source{file: file}})
	return v, len(r.problems) == before
}

// syntax takes the line out of the parser's message, which is "yaml: line 3: what".
func (r *reader) syntax(err error, file string) {
	var line int
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if _, scanErr := fmt.Sscanf(message, "line %d:", &line); scanErr == nil {
		_, message, _ = strings.Cut(message, ": ")
	}
	r.problem(source{file: file, line: line}, "", "is not YAML: %s", message)
}

// place is where build stands.
type place struct {
	at     source
	path   string
	depth  int
	pinned bool // all of it counts as being on one line, since its own lines are not in a file
}

func (p place) line(n int) place {
	if !p.pinned && n > 0 {
		p.at.line = n
	}
	return p
}

func (p place) below(name string) place {
	p.path = join(p.path, name)
	p.depth++
	return p
}

func join(path, name string) string {
	if path == "" || strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}

// build converts a node and all below it.
func (r *reader) build(node *yaml.Node, p place) value {
	p = p.line(node.Line)
	if !r.within(p) {
		return value{at: p.at}
	}
	v := value{at: p.at}
	switch node.Kind {
	case yaml.DocumentNode:
		return r.build(node.Content[0], p)
	case yaml.AliasNode:
		p.depth++
		return r.build(node.Alias, p)
	case yaml.SequenceNode:
		v.kind = list
		for i, item := range node.Content {
			v.items = append(v.items, r.build(item, p.below(fmt.Sprintf("[%d]", i))))
		}
	case yaml.MappingNode:
		v.kind = section
		v.fields = r.fields(node, p)
	case yaml.ScalarNode:
		return r.scalar(node, p)
	}
	return v
}

func (r *reader) within(p place) bool {
	r.values++
	switch {
	case r.values == maxValues+1:
		r.problem(p.at, "", "too many values: aliases or ${file:...} multiply to more than %d", maxValues)
	case r.values <= maxValues && p.depth > maxDepth:
		r.problem(p.at, p.path, "nested more than %d levels deep", maxDepth)
	}
	return r.values <= maxValues && p.depth <= maxDepth
}

func (r *reader) scalar(node *yaml.Node, p place) value {
	switch tag := node.ShortTag(); {
	case tag == "!!null":
		return value{at: p.at}
	case tag == "!!str" && !r.literal:
		return r.expand(node.Value, p)
	default:
		return value{kind: scalar, text: node.Value, at: p.at}
	}
}

// fields reads a mapping. "<<" brings in the fields of other mappings that this one does not have itself.
func (r *reader) fields(node *yaml.Node, p place) []field {
	var own, merged []field
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, content := node.Content[i], node.Content[i+1]
		at := p.line(key.Line)
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, merges(r.build(content, at))...)
		case key.Kind != yaml.ScalarNode:
			r.problem(at.at, p.path, "a key must be a plain name")
		default:
			v := r.build(content, at.below(key.Value))
			if v.at.file == at.at.file {
				v.at.line = at.at.line // a section is looked for at its name, not where its content starts
			}
			own = r.add(own, field{key.Value, v}, p.path)
		}
	}
	for _, f := range merged {
		if find(own, f.name) == nil {
			own = append(own, f)
		}
	}
	return own
}

func (r *reader) add(fields []field, f field, path string) []field {
	if first := find(fields, f.name); first != nil {
		r.problem(f.value.at, join(path, f.name), "is there twice, first on line %d", first.value.at.line)
		return fields
	}
	return append(fields, f)
}

func merges(v value) []field {
	all := v.fields
	for _, item := range v.items {
		all = append(all, item.fields...)
	}
	return all
}

func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}
