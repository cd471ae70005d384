package process

import (
	"bytes"
	"strings"
	"unicode"
)

// evidenceLine is the longest line kept in the explanation of an exit, in bytes.
const evidenceLine = 2 << 10

// evidence makes the end of an output fit to be shown: whole lines, valid UTF-8, no control characters, and no
// line that takes all the room.
func evidence(data []byte) string {
	if len(data) >= evidenceBytes { // the first line was cut
		if _, rest, found := bytes.Cut(data, []byte{'\n'}); found && len(rest) > 0 {
			data = rest
		}
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		lines = append(lines, shorten(printable(line), evidenceLine))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// printable makes text valid UTF-8 without control characters (tabs stay): a terminal obeys them, and the
// protocol buffers of OpAMP refuse invalid UTF-8.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// shorten cuts text to limit bytes at the border of a character and marks the cut.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// lastOf is the end of data.
func lastOf(data []byte, limit int) []byte {
	return data[max(0, len(data)-limit):]
}
