package health

import (
	"context"
	"io"
	"net/http"
	"strings"
	"unicode"
)

// check gives the answer to one path: what is wrong, or nothing.
type check func(Status) string

func routes(state func(context.Context) (Status, bool)) http.Handler {
	mux := http.NewServeMux()
	for path, is := range map[string]check{"/health": ready, "/livez": live, "/startupz": started, "/readyz": healthy} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
			defer cancel()
			problem := "the event loop does not answer"
			if status, ok := state(ctx); ok {
				problem = is(status)
			}
			answer(w, problem)
		})
	}
	return mux
}

func live(Status) string { return "" }

func started(s Status) string { return unless(s.Started, "starting: nothing is decided yet") }

func ready(s Status) string {
	return unless(s.Ready(), "starting: there is no composed configuration yet")
}

func healthy(s Status) string {
	if s.Problem == "" {
		s.Problem = "the Collector is not healthy"
	}
	return unless(s.CollectorHealthy, s.Problem)
}

func unless(fine bool, problem string) string {
	if fine {
		return ""
	}
	return problem
}

func answer(w http.ResponseWriter, problem string) {
	w.Header().Set("Cache-Control", "no-store")
	if problem == "" {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, line(problem)+"\n") // a probe that has gone needs no answer
}

// line makes one short line of a text that may hold a Collector's own words.
func line(text string) string {
	const limit = 256
	printable := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text))
	return string(printable[:min(len(printable), limit)])
}
