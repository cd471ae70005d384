package effective

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

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

// lineOf gives the line of the deepest key of path that is written in the document, 0 when there is none.
func lineOf(n *yaml.Node, path ...string) int {
	line := 0
	for _, want := range path {
		if n = target(n); n.Kind != yaml.MappingNode {
			return line
		}
		next := &yaml.Node{}
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
	return &ContentError{Reason: fmt.Sprintf("too large once aliases are expanded: at most %d values of reasonable length are allowed", maxValues)}
}

func shorten(key string) string {
	if len(key) > 100 {
		return key[:100] + "..."
	}
	return key
}
