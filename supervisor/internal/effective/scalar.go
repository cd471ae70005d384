package effective

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxSimpleKey is how many bytes a key may have without the "? " form: YAML allows 1024 characters.
const maxSimpleKey = 1000

// scalarText writes what is neither text nor a collection, so that it is read back as the same type.
func scalarText(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case float64:
		return floatText(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	default: // bool, int, int64 and uint64
		return fmt.Sprint(v)
	}
}

func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// textScalar writes text within one line.
func textScalar(text string) string {
	switch {
	case !utf8.ValidString(text): // only !!binary values can be so
		return "!!binary " + base64.StdEncoding.EncodeToString([]byte(text))
	case isPlain(text):
		return text
	default:
		return quote(text)
	}
}

// sexagesimal matches text such as 22:30, a number of base 60 in YAML 1.1.
var sexagesimal = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`)

// isPlain reports whether text needs no quotes: nothing in it is YAML syntax, and neither this nor an older version of YAML
// reads it as something other than text.
func isPlain(text string) bool {
	if text == "" || strings.ContainsRune("-?:,[]{}#&*!|>'\"%@` ", rune(text[0])) {
		return false
	}
	if strings.HasSuffix(text, ":") || strings.HasSuffix(text, " ") || strings.Contains(text, ": ") || strings.Contains(text, " #") {
		return false
	}
	if !isPrintable(text) {
		return false
	}
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off", "=":
		return false
	}
	read := yaml.Node{Kind: yaml.ScalarNode, Value: text}
	return read.ShortTag() == "!!str" && !sexagesimal.MatchString(text) && !strings.HasPrefix(text, "...")
}

// isPrintable reports whether text has no control, formatting or unusual white space characters.
func isPrintable(text string) bool {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// literalKeeps reports whether a literal block gives the text back exactly, and is worth it.
func literalKeeps(text string) bool {
	if !strings.Contains(text, "\n") || text[0] == ' ' || text[0] == '\n' || !utf8.ValidString(text) {
		return false
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasSuffix(line, " ") || !isPrintable(line) {
			return false
		}
	}
	return true
}

// quote writes text in double quotes.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteString("\\" + string(r))
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
