package download

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxTag bounds an entity tag that is believed, in bytes; the longest in use are 70.
const maxTag = 512

// record is what is known of the bytes in the Partial, kept there as its validator.
type record struct {
	// Strong identifies the content exactly: an entity tag or the date of Last-Modified, as If-Range takes it. Empty if the server gives none.
	Strong string `json:"strong,omitempty"`
	// Total is the size of the whole file in bytes; 0 is unknown.
	Total int64 `json:"total,omitempty"`
	// From is where they came from; no other source knows what Strong means.
	From string `json:"from,omitempty"`
}

// parseRecord takes what it does not understand for nothing: then the file is fetched anew, at worst.
func parseRecord(validator string) record {
	var r record
	if json.Unmarshal([]byte(validator), &r) != nil || r.Total < 0 {
		return record{}
	}
	return r
}

func (r record) String() string {
	text, _ := json.Marshal(r) // strings and numbers always can be
	return string(text)
}

// strong is the validator of an answer that may go into If-Range (RFC 9110 section 13.1.5): a strong entity tag, or, if there is no
// tag at all, a modification date that was at least a second past when the answer was made (section 8.8.2.2).
func strong(h http.Header) string {
	if tag := h.Get("Etag"); tag != "" {
		if isStrongTag(tag) {
			return tag
		}
		return ""
	}
	text := h.Get("Last-Modified")
	modified, err := http.ParseTime(text)
	answered, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil || answered.Sub(modified) < time.Second {
		return ""
	}
	return text
}

// isStrongTag follows RFC 9110 section 8.8.3, but for the bytes above ASCII, which do not survive everywhere.
func isStrongTag(tag string) bool {
	return len(tag) >= 2 && len(tag) <= maxTag && tag[0] == '"' && strings.Index(tag[1:], `"`) == len(tag)-2 &&
		!strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// span is a Content-Range (RFC 9110 section 14.4): bytes from start up to but without end, of total. start and end are 0 if the range
// could not be satisfied.
type span struct{ start, end, total int64 }

// parseSpan does not know totals that are not told ("*").
func parseSpan(h http.Header) (span, bool) {
	values := h.Values("Content-Range")
	if len(values) != 1 {
		return span{}, false
	}
	unit, rest, _ := strings.Cut(values[0], " ")
	part, whole, found := strings.Cut(rest, "/")
	total, ok := parseSize(whole)
	if !found || !ok || !strings.EqualFold(unit, "bytes") {
		return span{}, false
	}
	if part == "*" {
		return span{total: total}, true
	}
	from, to, _ := strings.Cut(part, "-")
	first, ok1 := parseSize(from)
	last, ok2 := parseSize(to)
	if !ok1 || !ok2 || first > last || last >= total {
		return span{}, false
	}
	return span{start: first, end: last + 1, total: total}, true
}

func parseSize(text string) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err == nil
}
