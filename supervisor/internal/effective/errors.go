package effective

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ContentError says that a layer cannot be used because of what it says: offering the same bytes again gives the same answer.
// The text holds keys, never values, so that it may go to the server and into logs.
type ContentError struct {
	// Layer says in words which one it is, such as `remote configuration file "a.yaml"`.
	Layer string
	// Remote is true when the layer came from the server.
	Remote bool
	// Line counts from 1. It is 0 when the fault has no single line.
	Line int
	// Reason is the rest of the sentence.
	Reason string
}

// Error names the layer, the line and the reason.
func (e *ContentError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Layer, e.Reason)
	}
	return fmt.Sprintf("%s, line %d: %s", e.Layer, e.Line, e.Reason)
}

var (
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// parserFault matches the faults whose lines the library counts from 0; those of its scanner count from 1.
	parserFault = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key|',')|^found (duplicate|incompatible|undefined)`)
	// lineless matches the faults of which the library does not say the line. Any other without a line is in the first.
	lineless = regexp.MustCompile(`^(unknown anchor|control characters|exceeded|anchor|input error)`)
)

// notYAML turns an error of the YAML library, which has its line only in its text, into one of ours. The library may say
// a line past the end, so that the number of lines is needed too.
func notYAML(err error, lines int) *ContentError {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if found := yamlLine.FindStringSubmatch(text); found != nil {
		text = strings.TrimPrefix(text, found[0])
		line, _ = strconv.Atoi(found[1])
		if parserFault.MatchString(text) {
			line++
		}
	} else if lineless.MatchString(text) {
		line = 0
	}
	return &ContentError{Line: min(line, lines), Reason: "not YAML: " + text}
}
