package effective

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minMasked is the shortest value that is masked, in bytes: putting back shorter ones, such as a port, would garble every
// text, and would protect nothing.
const minMasked = 6

// variableReference matches what the Collector fills in from its environment.
var variableReference = regexp.MustCompile(`\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}`)

// Masker gives a replacer for the words of a Collector, which quotes what it stumbles over with everything filled in (W9).
// It puts "${env:NAME}" in place of the value of each variable that the rendered configuration refers to. environ holds the
// Collector's environment, "NAME=value" each.
func Masker(rendered []byte, environ []string) *strings.Replacer {
	used := map[string]bool{}
	for _, match := range variableReference.FindAllSubmatch(rendered, -1) {
		used[string(match[1])] = true
	}
	var pairs [][2]string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !used[name] || len(value) < minMasked {
			continue
		}
		quoted := strconv.Quote(value) // messages quote in Go's way
		for _, form := range []string{value, quoted[1 : len(quoted)-1]} {
			pairs = append(pairs, [2]string{form, "${env:" + name + "}"})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return cmp.Compare(len(b[0]), len(a[0])) }) // one may hold another
	var flat []string
	for _, pair := range pairs {
		flat = append(flat, pair[0], pair[1])
	}
	return strings.NewReplacer(flat...)
}
