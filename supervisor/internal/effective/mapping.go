package effective

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is a value of a mapping and the node of its key.
type entry struct {
	key   *yaml.Node
	value any
}

func (p *parser) mapping(n *yaml.Node, where position) (any, error) {
	entries, err := p.entries(n, where)
	if err != nil {
		return nil, err
	}
	tree := make(map[string]any, len(entries))
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if !put(tree, keyPath(key, where), entries[key].value) {
			return nil, at(entries[key].key, "key %q is already defined in another way of writing it", shorten(key))
		}
	}
	return tree, nil
}

// entries gives what a mapping says, with "<<" resolved but with "::" left in the keys, as the YAML library would.
func (p *parser) entries(n *yaml.Node, where position) (map[string]entry, error) {
	found := make(map[string]entry, len(n.Content)/2)
	var merge *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, valueNode := n.Content[i], n.Content[i+1]
		key, err := keyText(keyNode)
		if err != nil {
			return nil, err
		}
		if other, twice := found[key]; twice {
			return nil, at(keyNode, "key %q is already defined at line %d", shorten(key), other.key.Line)
		}
		if isMerge(keyNode) {
			if merge != nil {
				return nil, at(keyNode, `key "<<" is already defined`)
			}
			merge = valueNode
			continue
		}
		below := position{depth: where.depth + len(keyPath(key, where)) - 1, path: where.path + len(key) + len(delimiter), split: where.split}
		value, err := p.convert(valueNode, below)
		if err != nil {
			return nil, err
		}
		found[key] = entry{keyNode, value}
	}
	return found, p.merge(found, merge, where)
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.ShortTag() == "!!merge"
}

func keyPath(key string, where position) []string {
	if where.split && strings.Contains(key, delimiter) {
		return strings.Split(key, delimiter)
	}
	return []string{key}
}

// merge adds the entries that the value of "<<" refers to and that found does not have.
func (p *parser) merge(found map[string]entry, n *yaml.Node, where position) error {
	if n == nil {
		return nil
	}
	sources := []*yaml.Node{n}
	if list := target(n); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	for _, source := range sources {
		mapping := target(source)
		if mapping.Kind != yaml.MappingNode {
			return at(n, `the value of "<<" must be a mapping or a list of mappings`)
		}
		below := where
		if err := p.enter(mapping, &below); err != nil {
			return err
		}
		merged, err := p.entries(mapping, below)
		if err != nil {
			return err
		}
		for key, e := range merged {
			if _, has := found[key]; !has {
				found[key] = e
			}
		}
	}
	return nil
}

// target follows an alias to what it stands for.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// put stores value at path and joins mappings that meet there. It returns false when something else is in the way.
//
//nolint:gosec // a path has a first key
func put(tree map[string]any, path []string, value any) bool {
	old, exists := tree[path[0]]
	below, isMap := old.(map[string]any)
	if len(path) > 1 {
		if !exists {
			below, isMap = map[string]any{}, true
			tree[path[0]] = below
		}
		return isMap && put(below, path[1:], value)
	}
	if !exists {
		tree[path[0]] = value
		return true
	}
	entries, both := value.(map[string]any)
	if !isMap || !both {
		return false
	}
	for key, entry := range entries {
		if !put(below, []string{key}, entry) {
			return false
		}
	}
	return true
}

// keyText gives a key as text. A key that is not text, such as 8080, becomes what the Collector makes of it.
func keyText(n *yaml.Node) (string, error) {
	n = target(n)
	if n.Kind != yaml.ScalarNode {
		return "", at(n, "a key must be a plain value, not a mapping or a list")
	}
	key, err := scalar(n)
	if text, ok := key.(string); ok {
		return text, err
	}
	return fmt.Sprint(key), err
}
