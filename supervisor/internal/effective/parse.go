package effective

import "go.yaml.in/yaml/v3"

const (
	// maxLayerBytes bounds one layer.
	maxLayerBytes = 64 << 20
	// maxValues bounds the values of all layers together, each use of an alias counted anew: ten times what a
	// configuration of 1 MB has, and few enough that the worst of them cannot exhaust a small machine.
	maxValues = 1_000_000
	// maxSeparators bounds what the YAML library may have to build before values can be counted.
	maxSeparators = 4 * maxValues
	// maxDepth bounds nesting. Real configuration stays below 20.
	maxDepth = 200
	// maxBytes bounds the summed length of all values with their indentation and the path of keys to them. The Collector
	// flattens its configuration to "a::b::c" keys, so that a few long keys above many small values, like many aliases
	// of one long value, would make it ask for terabytes.
	maxBytes = 256 << 20

	// delimiter separates the parts of a key that stands for a path, as in the Collector's confmap.
	delimiter = "::"
)

// parser turns YAML documents into trees of map[string]any, []any and scalars. It does not use the library's own decoding
// of mappings, which compares every key with every other. The budgets are shared by all documents it reads.
type parser struct {
	values int
	bytes  int
}

// parse gives the tree of one document and its root node (nil when the document is empty) for looking up lines.
func (p *parser) parse(body []byte) (map[string]any, *yaml.Node, error) {
	root, err := readDocument(body)
	if err != nil || root == nil {
		return map[string]any{}, nil, err
	}
	value, err := p.convert(root, position{split: true})
	if err != nil {
		return nil, nil, err
	}
	switch tree := value.(type) {
	case nil:
		return map[string]any{}, nil, nil
	case map[string]any:
		return tree, root, nil
	default:
		return nil, nil, at(root, "the top level must be a mapping with sections such as receivers, exporters and service")
	}
}

// position is where in the tree a node is.
type position struct {
	depth int
	// path is the length of the keys above.
	path int
	// split says that "::" in a key stands for nesting. The Collector does so outside of lists only.
	split bool
}

// enter counts a node against the budgets and goes one level down.
func (p *parser) enter(n *yaml.Node, where *position) error {
	p.values++
	p.bytes += where.path + 2*where.depth + len(n.Value)
	if p.values > maxValues || p.bytes > maxBytes {
		return tooMany()
	}
	if where.depth++; where.depth > maxDepth {
		return at(n, "nested too deeply: at most %d levels are allowed", maxDepth)
	}
	return nil
}

func (p *parser) convert(n *yaml.Node, where position) (any, error) {
	if err := p.enter(n, &where); err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.AliasNode:
		return p.convert(n.Alias, where)
	case yaml.MappingNode:
		return p.mapping(n, where)
	case yaml.SequenceNode:
		return p.sequence(n, where)
	case yaml.ScalarNode, yaml.DocumentNode:
	}
	return scalar(n)
}

func (p *parser) sequence(n *yaml.Node, where position) (any, error) {
	where.split = false
	list := make([]any, 0, len(n.Content))
	for _, item := range n.Content {
		value, err := p.convert(item, where)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!str", "!!merge":
		return n.Value, nil
	case "!!null":
		return nil, nil
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return nil, at(n, "the value does not fit its tag %s", n.ShortTag())
	}
	return value, nil
}
