package effective

import (
	"cmp"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// minMasked is the shortest value that is masked, in bytes: putting back shorter ones, such as a port, would garble every
	// text, and would protect nothing.
	minMasked = 6
	// maxMaskedFile and maxMaskedFiles bound what is read for the sake of masking. Secrets are small and few.
	maxMaskedFile  = 64 << 10
	maxMaskedFiles = 100
)

var (
	// variableReference matches what the Collector fills in from its environment.
	variableReference = regexp.MustCompile(`\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}`)
	// fileReference matches what it fills in from a file, whose path may hold variables.
	fileReference = regexp.MustCompile(`\$\{file:((?:[^${}]|\$\{[^${}]*\})+)\}`)
)

// Masker gives a replacer for the words of a Collector, which quotes what it stumbles over with everything filled in (W9).
// It puts "${env:NAME}" and "${file:PATH}" in place of the value of each variable and of each value in each file that the
// rendered configuration refers to. environ holds the Collector's environment, "NAME=value" each. A file that cannot be
// read, has no size or more than 64 KiB, is left alone: nobody may make us wait for it.
func Masker(rendered []byte, environ []string) *strings.Replacer {
	m := masks{environ: map[string]string{}, seen: map[string]bool{}}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		m.environ[name] = value
	}
	m.gather(string(rendered))
	slices.SortStableFunc(m.pairs, func(a, b [2]string) int { return cmp.Compare(len(b[0]), len(a[0])) }) // one may hold another
	var flat []string
	for _, pair := range m.pairs {
		flat = append(flat, pair[0], pair[1])
	}
	return strings.NewReplacer(flat...)
}

// masks is what is known of the references while they are followed.
type masks struct {
	environ map[string]string
	seen    map[string]bool // by the reference
	files   int
	pairs   [][2]string // value and reference
}

// gather follows the references in a text, and those in what they stand for, as the Collector does.
func (m *masks) gather(text string) {
	for _, match := range variableReference.FindAllStringSubmatch(text, -1) {
		reference := "${env:" + match[1] + "}"
		if value := m.environ[match[1]]; !m.seen[reference] {
			m.seen[reference] = true
			m.add(value, reference)
			m.gather(value)
		}
	}
	for _, match := range fileReference.FindAllStringSubmatch(text, -1) {
		if m.seen[match[0]] || m.files >= maxMaskedFiles {
			continue
		}
		m.seen[match[0]] = true
		m.files++
		content := readSmall(m.expand(match[1]))
		m.add(strings.TrimSpace(content), match[0])
		if root, err := readDocument([]byte(content)); err == nil && root != nil {
			m.addScalars(root, match[0])
		}
		m.gather(content)
	}
}

func (m *masks) expand(path string) string {
	return variableReference.ReplaceAllStringFunc(path, func(reference string) string {
		return m.environ[variableReference.FindStringSubmatch(reference)[1]]
	})
}

// addScalars adds the values in a document, but not its keys.
func (m *masks) addScalars(n *yaml.Node, reference string) {
	if n.Kind == yaml.ScalarNode {
		m.add(n.Value, reference)
	}
	for i, item := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			m.addScalars(item, reference)
		}
	}
}

func (m *masks) add(value, reference string) {
	if len(value) < minMasked {
		return
	}
	quoted := strconv.Quote(value) // messages quote in Go's way
	m.pairs = append(m.pairs, [2]string{value, reference}, [2]string{quoted[1 : len(quoted)-1], reference})
}

// readSmall returns the content of a file of some size. What pretends to be a file and would keep its reader waiting, or
// never ends, has none: a pipe, a device, anything in /proc.
func readSmall(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() < minMasked || info.Size() > maxMaskedFile {
		return ""
	}
	content, _ := os.ReadFile(path) // what can be read is masked
	return string(content)
}
