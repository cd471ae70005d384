package opampclient

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// goodSession is how long a connection must have lived, and been answered, for its loss to be a surprise.
const goodSession = 10 * time.Second

// unavailablePause is the least wait after an UNAVAILABLE that names no time (S-093, S-097).
const unavailablePause = 30 * time.Second

// pacer spaces the attempts to connect: the first retry within a second (S-100), then uniformly spread over a range
// that doubles from one second to one minute. The spread is what keeps a fleet from returning all at once, so it is the
// whole range, and never clamped.
type pacer struct {
	curve    *backoff.ExponentialBackOff
	attempts int // in a row, without a good session
}

func newPacer() *pacer {
	return &pacer{curve: &backoff.ExponentialBackOff{
		InitialInterval:     500 * time.Millisecond,
		RandomizationFactor: 1, // from 0 to twice the interval
		Multiplier:          2,
		MaxInterval:         30 * time.Second,
	}}
}

// next is the wait after an attempt that ended with err. A good session starts the curve anew. What the server asked
// for (Retry-After, RetryInfo) is the least; the curve comes on top, for its spread.
func (p *pacer) next(good bool, err error) time.Duration {
	if good {
		p.curve.Reset()
		p.attempts = 0
	}
	p.attempts++
	wait := p.curve.NextBackOff()
	if asked, ok := errors.AsType[pause](err); ok {
		wait += asked.floor()
	}
	return wait
}

// pause is an error with which the server asks to be left alone for a time.
type pause interface {
	error
	floor() time.Duration
}

// unavailableError is an UNAVAILABLE error response of the server (S-092).
type unavailableError struct {
	wait    time.Duration
	message string
}

func newUnavailable(nanoseconds uint64, message string) *unavailableError {
	wait := maxRetryAfter
	if nanoseconds < uint64(maxRetryAfter) {
		wait = time.Duration(nanoseconds)
	}
	if wait == 0 {
		wait = unavailablePause
	}
	return &unavailableError{wait: wait, message: clip(message, maxServerText)}
}

func (e *unavailableError) Error() string {
	return "the server is unavailable (" + e.message + ") and is left alone for at least " + e.wait.String()
}

func (e *unavailableError) floor() time.Duration { return e.wait }
