package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxReferences bounds the references in one value, and so those that lead to themselves.
const maxReferences = 100

// expand replaces the ${...} references of a string exactly as the Collector's confmap does with its env and file
// providers and default scheme env. It is done here and not by confmap because confmap knows no lines, and because
// only the type of the key can tell whether 0123 was meant as text.
//
// One difference: line ends at the end of a file that is used as text are dropped, since no setting wants them.
func (r *reader) expand(text string, p place) value {
	for range maxReferences {
		reference := nextReference(text)
		if reference == "" {
			return value{kind: scalar, text: strings.ReplaceAll(text, "$$", "$"), at: p.at}
		}
		content, file, err := r.retrieve(reference, p)
		if err != nil && p.at.secret { // the name itself was brought in, so it may be what must not be shown
			err = errors.New("a reference that another one brought in does not work")
		}
		if err != nil {
			r.problem(p.at, p.path, "cannot expand ${...}: %v", err)
			return value{at: p.at}
		}
		p.at.secret = true
		if reference == text {
			if v, ok := r.structured(content, file, p); ok {
				return v
			}
		}
		text = strings.ReplaceAll(text, reference, content)
		if len(text) > maxFileSize {
			break
		}
	}
	r.problem(p.at, p.path, "cannot expand ${...}: too many references or too long a text; does one lead back to itself?")
	return value{at: p.at}
}

// nextReference returns the first innermost "${...}", or "" when there is none or it is escaped by a dollar sign.
func nextReference(text string) string {
	for {
		before, after, found := strings.Cut(text, "}")
		if !found {
			return ""
		}
		if open := strings.LastIndex(before, "${"); open >= 0 {
			dollars := open - len(strings.TrimRight(before[:open], "$"))
			if dollars%2 == 1 {
				return ""
			}
			return before[open:] + "}"
		}
		text = after
	}
}

// structured reads content that is not a string in YAML: a number, a list, a section. A string is taken as it is.
func (r *reader) structured(content, file string, p place) (value, bool) {
	var node yaml.Node
	var plain any
	// Decoding finds what only parsing lets through (duplicate keys, alias bombs). confmap takes such content for text.
	if yaml.Unmarshal([]byte(content), &plain) != nil || yaml.Unmarshal([]byte(content), &node) != nil {
		return value{}, false
	}
	if plain == nil {
		return value{text: content, at: p.at}, true
	}
	root := node.Content[0]
	if root.Kind == yaml.ScalarNode {
		return value{kind: scalar, text: content, at: p.at}, root.ShortTag() != "!!str"
	}
	p.depth++
	if p.pinned = file == ""; !p.pinned {
		p.at.file = file
	}
	v := r.build(root, p)
	v.text = content
	return v, true
}

// retrieve returns what a "${...}" stands for, and the path if that is a file.
func (r *reader) retrieve(reference string, p place) (content, file string, err error) {
	uri := reference[2 : len(reference)-1]
	if !strings.Contains(uri, ":") {
		uri = "env:" + uri
	}
	scheme, opaque, _ := strings.Cut(uri, ":")
	switch {
	case strings.Contains(opaque, "$"):
		return "", "", errors.New("a dollar sign is not allowed between ${ and }")
	case scheme == "env":
		content, err = r.variable(opaque, p)
	case scheme == "file":
		file = filepath.Clean(opaque)
		content, err = readText(file)
	case strings.HasPrefix(opaque, "-"):
		err = fmt.Errorf("a default needs the scheme: write ${env:%s:-...}", scheme)
	default:
		err = fmt.Errorf("scheme %q is not supported; only env and file are", scheme)
	}
	if r.bytes += len(content); err == nil && r.bytes > 8*maxFileSize {
		err = errors.New("all that is brought in is too much")
	}
	return content, file, err
}

// variable returns an environment variable. One that is not set is empty, as in the reference, but never silently.
func (r *reader) variable(opaque string, p place) (string, error) {
	name, fallback, hasDefault := strings.Cut(opaque, ":-")
	if !regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`).MatchString(name) {
		return "", fmt.Errorf("%q is not a name of an environment variable", name)
	}
	content, set := r.environ[name]
	if !set && !hasDefault && !p.at.secret {
		r.warn(p.at, p.path, "environment variable %s is not set and counts as empty", name)
	}
	if !set {
		content = fallback
	}
	return content, nil
}

func readText(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the file: %w", err)
	}
	if !info.Mode().IsRegular() { // a pipe or a device could keep us waiting, or never end
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	content, err := readLimited(path)
	return strings.TrimRight(string(content), "\r\n"), err
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("cannot open the file: %w", err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the file: %w", err)
	case len(content) > maxFileSize:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFileSize)
	default:
		return content, nil
	}
}
