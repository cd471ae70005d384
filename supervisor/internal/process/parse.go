package process

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Line is one line that a Collector logged.
type Line struct {
	Time    string         // as written, empty when the line has none
	Level   string         // debug, info, warn, error (also for panics and fatal errors)
	Message string         // the line itself when it is in no known form
	Fields  map[string]any // numbers are json.Number; "caller" is where the line was written
	Raw     string         // all of the line, printable
}

// ParseLine reads the two forms in which a Collector logs, console (tabs) and json, so that they are not packed
// into the JSON of our own log (W21). Anything else is a message of level info, or of level error if it is how Go
// programs and the Collector announce that they die.
func ParseLine(text string) Line {
	text = printable(text)
	if line, ok := parseJSON(text); ok {
		return line
	}
	if line, ok := parseConsole(text); ok {
		return line
	}
	return Line{Level: levelOfText(text), Message: text, Raw: text}
}

func parseJSON(text string) (Line, bool) {
	fields, ok := decodeFields(text)
	if !ok {
		return Line{}, false
	}
	line := Line{Raw: text, Level: "info", Fields: fields}
	if level, ok := levelOf(takeText(fields, "level")); ok {
		line.Level = level
	}
	line.Time = takeText(fields, "ts")
	line.Message = takeText(fields, "msg")
	if line.Message == "" {
		line.Message = "(no message)" // the fields say it all: no JSON in JSON
	}
	return line, true
}

// parseConsole reads "time, level, [logger,] caller, message, {fields}", parted by tabs.
func parseConsole(text string) (Line, bool) {
	parts := strings.Split(text, "\t")
	if len(parts) < 3 {
		return Line{}, false
	}
	level, ok := levelOf(parts[1])
	if !ok || !strings.HasPrefix(parts[0], "2") {
		return Line{}, false
	}
	line := Line{Time: parts[0], Level: level, Raw: text}
	parts = parts[2:]
	if fields, ok := decodeFields(parts[len(parts)-1]); ok && len(parts) > 1 {
		line.Fields, parts = fields, parts[:len(parts)-1]
	}
	if len(parts) > 1 && strings.Contains(parts[0], ".go:") {
		if line.Fields == nil {
			line.Fields = map[string]any{}
		}
		line.Fields["caller"], parts = parts[0], parts[1:]
	}
	line.Message = strings.Join(parts, "\t")
	return line, true
}

// decodeFields reads a JSON object. Numbers stay as written: 64 bits do not fit in a float.
func decodeFields(text string) (map[string]any, bool) {
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") || !json.Valid([]byte(text)) {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var fields map[string]any
	if decoder.Decode(&fields) != nil {
		return nil, false
	}
	return fields, true
}

func takeText(fields map[string]any, name string) string {
	value, ok := fields[name]
	if !ok {
		return ""
	}
	delete(fields, name)
	return fmt.Sprint(value)
}

// levelOf maps the levels of zap to the four that are told apart.
func levelOf(name string) (string, bool) {
	switch strings.ToLower(name) {
	case "debug":
		return "debug", true
	case "info":
		return "info", true
	case "warn", "warning":
		return "warn", true
	case "error", "dpanic", "panic", "fatal":
		return "error", true
	}
	return "", false
}

func levelOfText(text string) string {
	for _, prefix := range []string{"panic: ", "fatal error: ", "Error: ", "runtime: "} {
		if strings.HasPrefix(text, prefix) {
			return "error"
		}
	}
	return "info"
}
