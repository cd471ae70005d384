package agent

import (
	"strings"

	"opampd/supervisor/internal/process"
)

// cause picks the line that tells most from the last words of a Collector: the
// error that it ended with, or else the last thing it said.
func cause(tail string) string {
	last := ""
	for line := range strings.Lines(tail) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		for _, start := range []string{"Error: ", "panic: ", "fatal error: "} {
			if rest, ok := strings.CutPrefix(line, start); ok {
				return rest
			}
		}
	}
	return last
}

// ended says how a Collector ended, and why if it said so.
func ended(e process.Exit) string {
	if e.Signal != "" {
		return "was " + e.String()
	}
	if c := cause(e.Tail); c != "" && !e.Success() {
		return e.String() + ": " + c
	}
	return e.String()
}

// objection picks from what `validate` prints the part that is about the
// configuration: the Collector says first, at length, what it was doing.
func objection(text string) string {
	text = strings.TrimPrefix(strings.TrimSpace(text), "Error: ")
	if _, detail, ok := strings.Cut(text, "the following error(s):"); ok {
		text = detail
	}
	return strings.TrimSpace(text)
}

// lastWords keeps whole lines from the end of a text.
func lastWords(tail string, limit int) string {
	if len(tail) <= limit {
		return tail
	}
	tail = tail[len(tail)-limit:]
	if _, whole, ok := strings.Cut(tail, "\n"); ok && whole != "" {
		return whole
	}
	return strings.ToValidUTF8(tail, "")
}

// code is what a process ended with, -1 for a signal or when nobody knows.
func code(e process.Exit) int {
	if e.Signal != "" || e.Unknown {
		return -1
	}
	return e.Code
}
