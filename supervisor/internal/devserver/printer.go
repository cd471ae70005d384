package devserver

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// tone is what a line means to its reader; its value is the ANSI colour.
type tone string

const (
	plain tone = ""
	good  tone = "\x1b[32m"
	bad   tone = "\x1b[31m"
	busy  tone = "\x1b[33m"
)

const (
	dim   = "\x1b[2m"
	reset = "\x1b[0m"
)

// maxLine is the longest line printed, in runes.
const maxLine = 400

// printer writes lines for people. A failing writer is not this server's problem: nobody is looking.
type printer struct {
	w     io.Writer
	color bool
}

// say writes one line with the time of day before it. What agents send goes through here, so nothing in it can move the cursor.
func (p printer) say(t tone, format string, args ...any) {
	text := printable(fmt.Sprintf(format, args...))
	now := time.Now().Format(time.TimeOnly)
	switch {
	case !p.color:
		_, _ = fmt.Fprintf(p.w, "%s %s\n", now, text)
	case t == plain:
		_, _ = fmt.Fprintf(p.w, "%s%s%s %s\n", dim, now, reset, text)
	default:
		_, _ = fmt.Fprintf(p.w, "%s%s%s %s%s%s\n", dim, now, reset, t, text, reset)
	}
}

func printable(s string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s))
	if len(runes) > maxLine {
		runes = append(runes[:maxLine], '…')
	}
	return string(runes)
}

// firstLine shortens a text of several lines and says where all of it is.
func firstLine(text, file string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("%s (%s in %s)", strings.TrimSpace(lines[0]), count(len(lines)-1, "more line"), file)
}

// count words a number of things: "1 file", "2 files".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
