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
		if rest, ok := strings.CutPrefix(line, "Error: "); ok {
			return rest
		}
		if panics(line) {
			return line
		}
	}
	return last
}

// panics reports whether a line is the first one that the Go runtime prints when it ends a program.
func panics(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}

// ended says how a Collector ended, and why if it said so.
func ended(e process.Exit) string {
	if e.Signal != "" {
		return "was " + e.String()
	}
	if c := cause(e.Tail); c != "" && !e.Success() && !e.Unknown { // its last words may be about something else
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

// lastWords keeps whole lines from the end of a text, or from the beginning of a panic,
// which ends with the least of what it has to say.
func lastWords(tail string, limit int) string {
	if len(tail) <= limit {
		return tail
	}
	at := 0
	for line := range strings.Lines(tail) {
		if panics(line) {
			return firstWords(tail[at:], limit)
		}
		at += len(line)
	}
	tail = tail[len(tail)-limit:]
	if _, whole, ok := strings.Cut(tail, "\n"); ok && whole != "" {
		return whole
	}
	return strings.ToValidUTF8(tail, "")
}

// firstWords keeps whole lines from the beginning of a text.
func firstWords(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	text = text[:limit]
	if end := strings.LastIndexByte(text, '\n'); end > 0 {
		return text[:end]
	}
	return strings.ToValidUTF8(text, "")
}

// code is what a process ended with, -1 for a signal or when nobody knows.
func code(e process.Exit) int {
	if e.Signal != "" || e.Unknown {
		return -1
	}
	return e.Code
}
