package config

import (
	"cmp"
	"slices"
	"strings"
)

// schema is the table of keys made for looking up.
type schema struct {
	keys     map[string]Key
	sections map[string]bool // everything that has keys below it
}

func newSchema() schema {
	s := schema{keys: map[string]Key{}, sections: map[string]bool{}}
	for _, key := range Keys() {
		key.Status = cmp.Or(key.Status, Built)
		s.keys[key.Path] = key
		for path := parent(key.Path); path != ""; path = parent(path) {
			s.sections[path] = true
		}
	}
	return s
}

// parent cuts the last name off a path: "a.b" and "a.b[].c" become "a" and "a.b[]"; "a.b[]" becomes "a.b".
func parent(path string) string {
	if cut, ok := strings.CutSuffix(path, "[]"); ok {
		return cut
	}
	return path[:max(strings.LastIndexByte(path, '.'), 0)]
}

// nearest returns the known path most like an unknown one, or "" if nothing is.
func (s schema) nearest(path string) string {
	best, distance := "", max(2, len(path)/4)+1
	for _, known := range slices.Sorted(s.paths()) {
		if strings.HasPrefix(path, known+".") || strings.HasPrefix(path, known+"[].") {
			continue // the section that it is in
		}
		if d := editDistance(path, known); d < distance {
			best, distance = known, d
		}
	}
	if best == "" { // the right name in the wrong section
		name := path[strings.LastIndexByte(path, '.')+1:]
		for _, known := range slices.Sorted(s.paths()) {
			if strings.HasSuffix(known, "."+name) {
				return known
			}
		}
	}
	return best
}

func (s schema) paths() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for path := range s.keys {
			if !yield(path) {
				return
			}
		}
		for path := range s.sections {
			if !yield(path) {
				return
			}
		}
	}
}

// editDistance is Levenshtein's, over bytes: keys are ASCII.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// defaults is the lowest layer.
func (s schema) defaults() map[string]any {
	tree := map[string]any{}
	for path, key := range s.keys {
		if key.Default != nil && key.Status != Accepted && key.Status != Deprecated && !strings.Contains(path, "[]") {
			put(tree, path, key.Default)
		}
	}
	return tree
}

func put(tree map[string]any, path string, v any) {
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		below, ok := tree[name].(map[string]any)
		if !ok {
			below = map[string]any{}
			tree[name] = below
		}
		tree = below
	}
	tree[names[len(names)-1]] = v
}
