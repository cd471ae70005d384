package download

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is who has to do something about an error.
type Kind int

const (
	// World is the network or the server: the same request may work later.
	World Kind = iota
	// Refused is a policy or what the server said or sent (4xx included): the same request fails again until somebody changes something.
	Refused
	// Disk is the Partial or the lack of space: it is this host that has to be looked at.
	Disk
)

// String is the kind in one word.
func (k Kind) String() string {
	switch k {
	case Refused:
		return "refused"
	case Disk:
		return "disk"
	case World:
	}
	return "world"
}

// Error is every error of [Client.Fetch]. What the Partial, the space check or the context said can be had by errors.Is.
type Error struct {
	Kind     Kind
	Status   int    // the HTTP status that the offered URL was last answered with, if that is why it failed; else 0
	URL      string // that was offered, without query; empty if it is none
	SHA256   string // as in the request
	Attempts int    // how often a source was asked
	Err      error
}

// Error says what was fetched, how often it was tried, why it failed and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("cannot download ")
	if e.URL == "" {
		b.WriteString("a file")
	} else {
		b.WriteString(e.URL)
	}
	if len(e.SHA256) >= 8 {
		fmt.Fprintf(&b, " (sha256 %.8s…)", e.SHA256)
	}
	switch {
	case e.Attempts == 1:
		b.WriteString(" in 1 attempt")
	case e.Attempts > 1:
		fmt.Fprintf(&b, " in %d attempts", e.Attempts)
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure is the end of one attempt. Any other error is the world's.
type failure struct {
	kind   Kind
	status int
	wait   time.Duration // that the server asked for
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func refused(format string, args ...any) error {
	return &failure{kind: Refused, err: fmt.Errorf(format, args...)}
}

func disk(err error) error {
	return &failure{kind: Disk, err: err}
}

// asFailure makes any error one; nil stays nil.
func asFailure(err error) *failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{err: err}
}

// maxForeign bounds texts that hold what a server or proxy said, in bytes.
const maxForeign = 300

// foreign is an error of net/http, which may repeat what the other end said at any length.
type foreign struct{ err error }

func (f foreign) Error() string { return clip(f.err.Error()) }
func (f foreign) Unwrap() error { return f.err }

func clip(text string) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) > maxForeign {
		text = strings.ToValidUTF8(text[:maxForeign], "") + "…"
	}
	return text
}
