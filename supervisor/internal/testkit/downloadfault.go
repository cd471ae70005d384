package testkit

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

var errClientGone = errors.New("the client has gone")

// DownloadFault answers a request in place of serve, which would answer it properly.
type DownloadFault func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

// DropAt cuts the connection before the byte at that offset of the file, wherever the answer begins. From 0 on not even a header is sent.
func DropAt(offset int64) DownloadFault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&shapedWriter{ResponseWriter: w, write: func(p []byte, at int64) (int, error) {
			if at+int64(len(p)) <= offset {
				return w.Write(p)
			}
			if at < offset {
				_, _ = w.Write(p[:offset-at])
			}
			if offset > 0 {
				_ = http.NewResponseController(w).Flush()
			}
			panic(http.ErrAbortHandler)
		}}, r)
	}
}

// Throttle sends the body in pieces of that many bytes, with a pause after each.
func Throttle(piece int, pause time.Duration) DownloadFault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&shapedWriter{ResponseWriter: w, write: func(p []byte, _ int64) (int, error) {
			sent := 0
			for sent < len(p) {
				n, err := w.Write(p[sent:min(sent+piece, len(p))])
				sent += n
				if err != nil || http.NewResponseController(w).Flush() != nil || !idle(r, pause) {
					return sent, errClientGone
				}
			}
			return sent, nil
		}}, r)
	}
}

// idle waits and says whether the client is still there.
func idle(r *http.Request, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// LieAboutLength announces that many bytes for the whole file. If it has more, the rest is not sent; if less, the connection is cut after it.
func LieAboutLength(length int64) DownloadFault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&shapedWriter{
			ResponseWriter: w,
			header: func(status int) {
				if status == http.StatusOK {
					w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
				}
			},
			write: func(p []byte, at int64) (int, error) {
				if _, err := w.Write(p[:min(int64(len(p)), max(length-at, 0))]); err != nil {
					return 0, errClientGone
				}
				return len(p), nil
			},
		}, r)
	}
}

// WithoutLength sends the body in chunks, so that its size is not announced.
func WithoutLength() DownloadFault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&shapedWriter{
			ResponseWriter: w,
			header:         func(int) { w.Header().Del("Content-Length") },
			write: func(p []byte, _ int64) (int, error) {
				n, err := w.Write(p)
				if err != nil || http.NewResponseController(w).Flush() != nil { // or a short body would be measured
					return n, errClientGone
				}
				return n, nil
			},
		}, r)
	}
}

// WithHeaders sets headers of a proper answer, or removes those whose value is empty. They are pairs of name and value.
func WithHeaders(pairs ...string) DownloadFault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&shapedWriter{ResponseWriter: w, header: func(int) { setHeaders(w, pairs) }}, r)
	}
}

// WithoutRanges answers as a server that does not know them.
func WithoutRanges() DownloadFault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
		serve(w, r)
	}
}

// AnswerWith answers a status, with headers in pairs of name and value.
func AnswerWith(status int, pairs ...string) DownloadFault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		setHeaders(w, pairs)
		w.WriteHeader(status)
	}
}

// RedirectTo answers 302 with that Location.
func RedirectTo(location string) DownloadFault {
	return AnswerWith(http.StatusFound, "Location", location)
}

// Endless announces no size and sends zeros until the client goes.
func Endless() DownloadFault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		for zeros := make([]byte, 32<<10); ; {
			if _, err := w.Write(zeros); err != nil {
				return
			}
		}
	}
}

// Silent takes the request and says nothing until the client goes.
func Silent() DownloadFault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { <-r.Context().Done() }
}

// Raw answers with bytes that need not be HTTP, and cuts the connection.
func Raw(text string) DownloadFault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(fmt.Sprintf("take over the connection: %v", err))
		}
		_, _ = conn.Write([]byte(text))
		_ = conn.Close()
	}
}

func setHeaders(w http.ResponseWriter, pairs []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			w.Header().Del(pairs[i])
			continue
		}
		w.Header().Set(pairs[i], pairs[i+1])
	}
}
