package testkit

import (
	"net/http"
	"strconv"
	"strings"
)

// downloadTap records what is answered.
type downloadTap struct {
	http.ResponseWriter
	note   func(status int, sent int64)
	status int
	sent   int64
}

// Unwrap is for http.ResponseController.
func (t *downloadTap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (t *downloadTap) WriteHeader(status int) {
	t.status = status
	t.note(t.status, t.sent)
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *downloadTap) Write(p []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	n, err := t.ResponseWriter.Write(p)
	t.sent += int64(n)
	t.note(t.status, t.sent)
	return n, err //nolint:wrapcheck // for net/http
}

// shapedWriter changes an answer on its way.
type shapedWriter struct {
	http.ResponseWriter
	header func(status int)
	write  func(p []byte, at int64) (int, error) // at is the offset in the file
	at     int64
	begun  bool
}

// Unwrap is for http.ResponseController.
func (s *shapedWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (s *shapedWriter) WriteHeader(status int) {
	s.begun = true
	if part := s.Header().Get("Content-Range"); status == http.StatusPartialContent {
		first, _, _ := strings.Cut(strings.TrimPrefix(part, "bytes "), "-")
		s.at, _ = strconv.ParseInt(first, 10, 64)
	}
	if s.header != nil {
		s.header(status)
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *shapedWriter) Write(p []byte) (int, error) {
	if !s.begun {
		s.WriteHeader(http.StatusOK)
	}
	if s.write == nil {
		return s.ResponseWriter.Write(p) //nolint:wrapcheck // for net/http
	}
	n, err := s.write(p, s.at)
	s.at += int64(n)
	return n, err
}
