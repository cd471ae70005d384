package effective

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

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
	// maxPathBytes bounds the summed length of all key paths: the Collector flattens its configuration to
	// "a::b::c" keys, so that a few long keys above many small values make it ask for terabytes.
	maxPathBytes = 256 << 20

	// delimiter separates the parts of a key that stands for a path, as in the Collector's confmap.
	delimiter = "::"
)

// parser turns YAML documents into trees of map[string]any, []any and scalars. It does not use the library's own decoding
// of mappings, which compares every key with every other. The budgets are shared by all documents it reads.
type parser struct {
	values    int
	pathBytes int
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

// readDocument gives the root node of the only document in body, nil for none.
func readDocument(body []byte) (root *yaml.Node, err error) {
	// The library has had panics on hostile input before; one more must not end the supervisor.
	defer func() {
		if caught := recover(); caught != nil {
			root, err = nil, &ContentError{Reason: "not YAML: the parser gave up on it"}
		}
	}()
	if err := checkText(body); err != nil {
		return nil, err
	}
	lines := 1 + bytes.Count(bytes.TrimSuffix(body, []byte{'\n'}), []byte{'\n'})
	decoder := yaml.NewDecoder(bytes.NewReader(body))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, notYAML(err, lines)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, at(&second, "a second YAML document starts here: only one is allowed")
	} else if !errors.Is(err, io.EOF) {
		return nil, notYAML(err, lines)
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	return document.Content[0], nil
}

// checkText refuses what is not worth parsing.
func checkText(body []byte) error {
	if len(body) > maxLayerBytes {
		return &ContentError{Reason: fmt.Sprintf("%d bytes are too many: at most %d are allowed", len(body), maxLayerBytes)}
	}
	if !utf8.Valid(body) {
		return &ContentError{Line: invalidLine(body), Reason: "not UTF-8 text"}
	}
	separators := 0
	for _, c := range body {
		switch c {
		case ',', ':', '\n', '[', '{', '-', '?':
			separators++
		}
	}
	if separators > maxSeparators {
		return tooMany()
	}
	return nil
}

func invalidLine(body []byte) int {
	valid := bytes.ToValidUTF8(body, nil)
	same := 0
	for same < len(valid) && valid[same] == body[same] {
		same++
	}
	return 1 + bytes.Count(body[:same], []byte{'\n'})
}

// position is where in the tree a node is.
type position struct {
	depth int
	// path is the length of the keys above.
	path int
	// split says that "::" in a key stands for nesting. The Collector does so outside of lists only.
	split bool
}

func (p *parser) convert(n *yaml.Node, where position) (any, error) {
	p.values++
	p.pathBytes += where.path
	if p.values > maxValues || p.pathBytes > maxPathBytes {
		return nil, tooMany()
	}
	if where.depth++; where.depth > maxDepth {
		return nil, at(n, "nested too deeply: at most %d levels are allowed", maxDepth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return p.convert(n.Alias, where)
	case yaml.MappingNode:
		return p.mapping(n, where)
	case yaml.SequenceNode:
		return p.sequence(n, where)
	default:
		return scalar(n)
	}
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

func (p *parser) mapping(n *yaml.Node, where position) (any, error) {
	tree := make(map[string]any, len(n.Content)/2)
	seen := make(map[string]int, len(n.Content)/2)
	var merge *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, valueNode := n.Content[i], n.Content[i+1]
		key, err := keyText(keyNode)
		if err != nil {
			return nil, err
		}
		if line, twice := seen[key]; twice {
			return nil, at(keyNode, "key %q is already defined at line %d", shorten(key), line)
		}
		seen[key] = keyNode.Line
		if keyNode.ShortTag() == "!!merge" {
			merge = valueNode
			continue
		}
		path := []string{key}
		if where.split {
			path = strings.Split(key, delimiter)
		}
		below := position{depth: where.depth + len(path) - 1, path: where.path + len(key) + len(delimiter), split: where.split}
		value, err := p.convert(valueNode, below)
		if err != nil {
			return nil, err
		}
		if !put(tree, path, value) {
			return nil, at(keyNode, "key %q is already defined in another way of writing it", shorten(key))
		}
	}
	return tree, p.mergeKey(tree, merge, where)
}

// mergeKey adds the entries that "<<" refers to and that tree does not have.
func (p *parser) mergeKey(tree map[string]any, n *yaml.Node, where position) error {
	if n == nil {
		return nil
	}
	value, err := p.convert(n, where)
	if err != nil {
		return err
	}
	sources, isList := value.([]any)
	if !isList {
		sources = []any{value}
	}
	for _, source := range sources {
		entries, ok := source.(map[string]any)
		if !ok {
			return at(n, `the value of "<<" must be a mapping or a list of mappings`)
		}
		for key, entry := range entries {
			if _, has := tree[key]; !has {
				tree[key] = entry
			}
		}
	}
	return nil
}

// put stores value at path and joins mappings that meet there. It returns false when something else is in the way.
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
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		return "", at(n, "a key must be a plain value, not a mapping or a list")
	}
	key, err := scalar(n)
	if text, ok := key.(string); ok {
		return text, err
	}
	return fmt.Sprint(key), err
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

// lineOf gives the line of the deepest key of path that is written in the document, 0 when there is none.
func lineOf(n *yaml.Node, path ...string) int {
	line := 0
	for _, want := range path {
		for n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil || n.Kind != yaml.MappingNode {
			return line
		}
		var next *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == want {
				line, next = n.Content[i].Line, n.Content[i+1]
			}
		}
		n = next
	}
	return line
}

func at(n *yaml.Node, format string, args ...any) *ContentError {
	return &ContentError{Line: n.Line, Reason: fmt.Sprintf(format, args...)}
}

func tooMany() *ContentError {
	return &ContentError{Reason: fmt.Sprintf("too large once aliases are expanded: at most %d values with short keys are allowed", maxValues)}
}

func shorten(key string) string {
	if len(key) > 100 {
		return key[:100] + "..."
	}
	return key
}
