package effective

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// encode writes a tree as canonical YAML: the same tree always gives the same bytes, and reading them gives the tree.
//
// The YAML library could write it too, but it sorts keys by human taste rather than by a total order, writes the float
// 1000.0 as the integer 1000, and takes a gigabyte for a configuration of 10 MB.
func encode(tree map[string]any) []byte {
	var e encoder
	if len(tree) == 0 {
		return []byte("{}\n")
	}
	e.mapping(tree, 0)
	return e.Bytes()
}

// encoder writes block style with an indentation of two spaces.
type encoder struct{ bytes.Buffer }

func (e *encoder) line(indent int) {
	for range indent {
		e.WriteByte(' ')
	}
}

// mapping writes entries, one below the other, from where a line has been indented already.
func (e *encoder) mapping(tree map[string]any, indent int) {
	for i, key := range sortedKeys(tree) {
		if i > 0 {
			e.line(indent)
		}
		text := textScalar(key)
		if len(text) > maxSimpleKey {
			e.WriteString("? " + text + "\n")
			e.line(indent)
			text = ""
		}
		e.WriteString(text + ":")
		e.below(tree[key], indent)
	}
}

// below writes a value after "key:" or "-" and ends the line.
func (e *encoder) below(value any, indent int) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			e.WriteString(" {}\n")
			return
		}
		e.WriteByte('\n')
		e.line(indent + 2)
		e.mapping(v, indent+2)
	case []any:
		if len(v) == 0 {
			e.WriteString(" []\n")
			return
		}
		e.WriteByte('\n')
		e.list(v, indent+2)
	case string:
		e.WriteByte(' ')
		e.text(v, indent+2)
	default:
		e.WriteString(" " + scalarText(v) + "\n")
	}
}

func (e *encoder) list(items []any, indent int) {
	for _, item := range items {
		e.line(indent)
		e.WriteByte('-')
		if entries, ok := item.(map[string]any); ok && len(entries) > 0 {
			e.WriteByte(' ')
			e.mapping(entries, indent+2)
			continue
		}
		e.below(item, indent)
	}
}

// text writes text of several lines as a literal block ("|") if that gives it back exactly.
func (e *encoder) text(text string, indent int) {
	if !literalKeeps(text) {
		e.WriteString(textScalar(text) + "\n")
		return
	}
	switch {
	case strings.HasSuffix(text, "\n\n"):
		e.WriteString("|+\n")
	case strings.HasSuffix(text, "\n"):
		e.WriteString("|\n")
	default:
		e.WriteString("|-\n")
	}
	for line := range strings.Lines(text) {
		if line != "\n" {
			e.line(indent)
		}
		e.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
}

func sortedKeys(tree map[string]any) []string {
	return slices.Sorted(maps.Keys(tree))
}
