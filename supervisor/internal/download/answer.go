package download

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a server may ask for, so that one bad header does not put an upgrade off for days.
const maxRetryAfter = 10 * time.Minute

// part is what an answer brings.
type part struct {
	until int64 // more bytes than the file has then are too many
	total int64 // the size of the complete file; negative if unknown
	done  bool  // all was there before
}

// condition asks for what is missing. Without a strong validator of this very source, only who compares the content with a hash can go
// on: the worst is then a mixture, and one download more.
func (f *file) condition(s *source, h http.Header) {
	known := f.record.Strong != "" && f.record.From == describe(s.url)
	if f.size == 0 || !known && !f.trusted {
		return
	}
	h.Set("Range", "bytes="+strconv.FormatInt(f.size, 10)+"-")
	if known {
		h.Set("If-Range", f.record.Strong)
	}
}

// accept reads the header of an answer and makes the file ready for its body.
func (f *file) accept(s *source, r *http.Response) (part, error) {
	asked := r.Request.Header.Get("Range") != ""
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") && r.StatusCode < 300 {
		return part{}, refused("it answers with a Content-Encoding though none was asked for: let the server send the file as it is")
	}
	switch {
	case r.StatusCode == http.StatusOK:
		return f.whole(s, r)
	case r.StatusCode == http.StatusPartialContent && asked:
		return f.rest(r)
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && asked:
		return f.outside(r)
	}
	return part{}, statusFailure(r)
}

// whole starts anew: there was nothing, or the file has changed, or the server knows no ranges.
func (f *file) whole(s *source, r *http.Response) (part, error) {
	p := part{until: f.limit, total: -1}
	switch {
	case r.ContentLength >= 0:
		if err := f.check(r.ContentLength); err != nil {
			return p, err
		}
		p = part{until: r.ContentLength, total: r.ContentLength}
	case f.want > 0:
		p = part{until: f.want, total: f.want}
	}
	return p, f.restart(record{Strong: strong(r.Header), Total: max(p.total, 0), From: describe(s.url)})
}

// rest goes on. A part that does not fit makes it likely that what is there is wrong, or that ranges do not work here.
func (f *file) rest(r *http.Response) (part, error) {
	s, ok := parseSpan(r.Header)
	if ok {
		if err := f.check(s.total); err != nil {
			return part{}, err
		}
	}
	sent := r.Request.Header.Get("If-Range")
	got := strong(r.Header)
	switch {
	case !ok || s.start != f.size, s.end == 0, f.record.Total > 0 && s.total != f.record.Total,
		r.ContentLength >= 0 && r.ContentLength != s.end-s.start,
		sent != "" && got != "" && got != sent:
		return part{}, f.startOver("it answered with another part of the file than was asked for")
	}
	f.resumed = true
	return part{until: s.end, total: s.total}, nil
}

// outside is the answer to who asks for bytes past the end: all is there, or what is there is wrong.
func (f *file) outside(r *http.Response) (part, error) {
	s, ok := parseSpan(r.Header)
	if ok && s.total == f.size && (f.want == 0 || f.want == f.size) {
		return part{done: true}, nil
	}
	return part{}, f.startOver("the file there is shorter than what was got of it")
}

func (f *file) startOver(why string) error {
	if err := f.restart(record{}); err != nil {
		return err
	}
	return fmt.Errorf("%s: it has to be fetched from its beginning", why)
}

// statusFailure says what a status means for a download, and whom to ask.
func statusFailure(r *http.Response) error {
	code := r.StatusCode
	f := &failure{kind: Refused, status: code}
	status := strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
	switch {
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= 500:
		f.kind, f.wait = World, retryAfter(r.Header)
		f.err = fmt.Errorf("the server answered %s: try again later", status)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		f.err = fmt.Errorf("the server refused the credentials (%s): check the headers of the offer and the client certificate", status)
	case code == http.StatusProxyAuthRequired:
		f.err = fmt.Errorf("the proxy refused the credentials (%s): check the proxy of downloads", status)
	case code == http.StatusNotFound || code == http.StatusGone:
		f.err = fmt.Errorf("the server has no such file (%s): check the URL", status)
	default:
		f.err = fmt.Errorf("the server answered %s, which is no file: check the URL", status)
	}
	return f
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3), the latter by the server's own clock if it tells.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
