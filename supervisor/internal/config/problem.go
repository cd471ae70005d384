package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with the settings, or worth a warning.
type Problem struct {
	File    string // the file as it was named, the environment variable, or "flag"
	Line    int    // counted from 1; 0 where there is none
	Key     string // dotted path, list elements as [0]; may be empty
	Message string
}

// String formats the problem the way compilers do, so that editors can jump to it.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	b.WriteString(": " + p.Message)
	return b.String()
}

// Error holds everything that keeps the settings from being used, in the order of the file.
type Error struct {
	Problems []Problem
}

// Error lists the problems, one on each line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// source is where a value was written.
type source struct {
	file string
	line int
	// secret is set for what came in by ${env:...} or ${file:...}, in part or as a whole: it is shown to nobody.
	secret bool
	whole  bool // not even the names in a map were written by hand
}

// report collects what is found on the way, so that all of it is told at once.
type report struct {
	problems []Problem
	warnings []Problem
}

func (r *report) problem(at source, key, format string, args ...any) {
	r.problems = append(r.problems, Problem{at.file, at.line, key, fmt.Sprintf(format, args...)})
}

func (r *report) warn(at source, key, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{at.file, at.line, key, fmt.Sprintf(format, args...)})
}

// sorted orders by line and drops repetitions, which an alias read twice would cause.
func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.Compact(problems)
}
