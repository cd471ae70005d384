package config

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Print writes the settings in force as YAML, each with a comment that names the layer that set it. What is empty
// is left out. Values of headers, keys and the Collector's environment, and whatever came
// in by ${...}, are shown as [REDACTED].
func (l *Loaded) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, key := range Keys() {
		if strings.Contains(key.Path, "[]") || !l.values.Exists(key.Path) || l.pointless(key) {
			continue
		}
		if err := l.print(root, key); err != nil {
			return err
		}
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("cannot print the settings: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("cannot print the settings: %w", err)
	}
	return nil
}

// pointless reports whether a key has no effect and nobody wrote it.
func (l *Loaded) pointless(key Key) bool {
	_, written := l.origins[key.Path]
	return key.Status == Inert && !written
}

func (l *Loaded) print(root *yaml.Node, key Key) error {
	names := strings.Split(key.Path, ".")
	at := root
	for _, name := range names[:len(names)-1] {
		at = child(at, name)
	}
	name := &yaml.Node{Kind: yaml.ScalarNode, Value: names[len(names)-1]}
	var content yaml.Node
	if err := content.Encode(l.shown(key, key.Path, l.values.Get(key.Path))); err != nil {
		return fmt.Errorf("cannot print %s: %w", key.Path, err)
	}
	commented := &content
	if content.Kind != yaml.ScalarNode && len(content.Content) > 0 {
		commented = name
	}
	commented.LineComment = "# " + l.layerOf(key.Path)
	at.Content = append(at.Content, name, &content)
	return nil
}

func child(parent *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(parent.Content); i += 2 {
		if parent.Content[i].Value == name {
			return parent.Content[i+1]
		}
	}
	below := &yaml.Node{Kind: yaml.MappingNode}
	parent.Content = append(parent.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, below)
	return below
}

// layerOf names what set a key: "default", "file:line", "env NAME" or "flag --name".
func (l *Loaded) layerOf(path string) string {
	at, ok := l.origins[path]
	switch {
	case !ok:
		return "default"
	case at.line > 0:
		return fmt.Sprintf("%s:%d", at.file, at.line)
	case strings.HasPrefix(at.file, prefix):
		return "env " + at.file
	default:
		return at.file
	}
}

// shown returns a value as it would be written, without secrets.
func (l *Loaded) shown(key Key, path string, v any) any {
	if elements, ok := v.([]map[string]any); ok {
		all := make([]any, len(elements))
		for i, element := range elements {
			all[i] = l.element(key.Path+"[]", fmt.Sprintf("%s[%d]", path, i), element)
		}
		return all
	}
	switch at := l.origins[path]; {
	case at.whole:
		return redacted
	case at.secret || key.Secret:
		return masked(v)
	}
	switch v := v.(type) {
	case time.Duration:
		return v.String()
	case int64:
		return sizeText(v)
	case string:
		if key.Type == Expression {
			return v
		}
		return withoutCredentials(v)
	default:
		return v
	}
}

func (l *Loaded) element(pattern, path string, element map[string]any) map[string]any {
	all := make(map[string]any, len(element))
	for name, v := range element {
		at, below := pattern+"."+name, path+"."+name
		if section, ok := v.(map[string]any); ok {
			all[name] = l.element(at, below, section)
		} else {
			all[name] = l.shown(l.schema.keys[at], below, v)
		}
	}
	return all
}

// masked keeps the names of a map, which help to see what is set.
func masked(v any) any {
	names := map[string]string{}
	switch v := v.(type) {
	case map[string]string:
		for name := range v {
			names[name] = redacted
		}
	case map[string][]string:
		for name := range v {
			names[name] = redacted
		}
	case []string:
		return slices.Repeat([]string{redacted}, len(v))
	default:
		return redacted
	}
	return names
}

func sizeText(n int64) string {
	for _, unit := range []string{"", "KiB", "MiB"} {
		if n%1024 != 0 || n == 0 {
			return fmt.Sprint(n) + unit
		}
		n /= 1024
	}
	return fmt.Sprint(n) + "GiB"
}

// withoutCredentials hides what a URL may carry besides an address: user, password and query.
func withoutCredentials(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return redacted
	}
	if u.User == nil && u.RawQuery == "" {
		return text
	}
	if u.User != nil {
		u.User = url.User("REDACTED")
	}
	if u.RawQuery != "" {
		u.RawQuery = "REDACTED"
	}
	return u.String()
}
