package opampclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const defaultPath = "/v1/opamp" // S-002

// maxRetryAfter bounds what a server may ask for, so that one bad header cannot make an agent unreachable for good.
const maxRetryAfter = time.Hour

// parseEndpoint accepts what the two transports can serve. Its errors do not repeat the URL, which may hold a secret.
func parseEndpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the OpAMP endpoint is not a URL")
	}
	switch {
	case u.Scheme != "ws" && u.Scheme != "wss" && u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the OpAMP endpoint has the scheme %q: use ws, wss, http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the OpAMP endpoint names no host")
	case u.User != nil:
		return nil, errors.New("the OpAMP endpoint holds a user or password: put credentials into a header")
	}
	if u.Path == "" {
		u.Path = defaultPath
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// checkHeader refuses what would break the handshake or smuggle a line into the request (S-147).
func checkHeader(h http.Header) error {
	for name, values := range h {
		canonical := http.CanonicalHeaderKey(name)
		if canonical == "Upgrade" || canonical == "Connection" || strings.HasPrefix(canonical, "Sec-Websocket-") {
			return fmt.Errorf("the header %q belongs to the connection itself and cannot be set", canonical)
		}
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n\x00") {
				return fmt.Errorf("the value of the header %q has a line break or a NUL in it", canonical)
			}
		}
	}
	return nil
}

// tlsConfig copies the caller's configuration, and never lets a version below TLS 1.2 in by default.
func tlsConfig(given *tls.Config) *tls.Config {
	if given == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c := given.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

// StatusError is an HTTP answer that refuses a request or a WebSocket upgrade.
type StatusError struct {
	// Code is the HTTP status code.
	Code int
	// RetryAfter is how long the server asked to be left alone (S-095), at most an hour; 0 if it did not.
	RetryAfter time.Duration
	host       string // of a redirect
}

func newStatusError(r *http.Response) *StatusError {
	e := &StatusError{Code: r.StatusCode}
	if r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusServiceUnavailable {
		e.RetryAfter = retryAfter(r.Header.Get("Retry-After"), time.Now())
	}
	if to, err := url.Parse(r.Header.Get("Location")); err == nil && e.redirects() {
		e.host = to.Host
	}
	return e
}

func (e *StatusError) redirects() bool { return e.Code >= 300 && e.Code < 400 }

// Error says what the status means for an OpAMP client, and what to look at.
func (e *StatusError) Error() string {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, http.StatusText(e.Code)))
	switch {
	case e.Code == http.StatusUnauthorized || e.Code == http.StatusForbidden:
		return "the server refused the credentials (" + status + "): check the headers and the client certificate"
	case e.Code == http.StatusNotFound:
		return "the server has no OpAMP endpoint at this path (" + status + ")"
	case e.Code == http.StatusRequestEntityTooLarge:
		return "the server finds the report too large (" + status + ")"
	case e.redirects():
		return fmt.Sprintf("the server redirects to host %q (%s), which is not followed: set the final address as the endpoint",
			e.host, status)
	case e.RetryAfter > 0:
		return fmt.Sprintf("the server answered %s and asked to wait %s", status, e.RetryAfter)
	}
	return "the server answered " + status
}

func (e *StatusError) floor() time.Duration { return e.RetryAfter }

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
