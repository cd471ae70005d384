package download

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"
)

const (
	maxRedirects = 5
	userAgent    = "opampd"
	// maxPhases are connecting, the proxy's tunnel, the TLS handshake and the wait for the header.
	maxPhases = 4
)

// attempt asks a source once for all that is missing. nil means that the file is complete.
func (f *fetch) attempt(ctx context.Context, s *source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	response, err := f.ask(ctx, cancel, s)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	part, err := f.file.accept(s, response)
	if err != nil || part.done {
		return err
	}
	return f.copy(ctx, cancel, response.Body, part)
}

// ask follows redirects to an answer that is none. The headers of the offer are left behind for good at the first hop to another
// origin: who redirects back from there must not choose what is asked for with them (S-188).
func (f *fetch) ask(ctx context.Context, cancel context.CancelCauseFunc, s *source) (*http.Response, error) {
	at, header := s.url, s.header
	for range maxRedirects + 1 {
		response, err := f.send(ctx, cancel, at, f.header(s, header))
		if err != nil {
			return nil, err
		}
		if !redirects(response) {
			return response, nil
		}
		_ = response.Body.Close()
		to, err := f.follow(s, at, response)
		if err != nil {
			return nil, err
		}
		if origin(to) != origin(at) {
			header = nil
		}
		at = to
	}
	return nil, refused("it redirects more than %d times: offer the final URL", maxRedirects)
}

func redirects(r *http.Response) bool {
	switch r.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow is where a redirect leads, if it may.
func (f *fetch) follow(s *source, at *url.URL, r *http.Response) (*url.URL, error) {
	location, err := url.Parse(r.Header.Get("Location"))
	if err != nil || r.Header.Get("Location") == "" {
		return nil, refused("it redirects to nowhere (%d without a valid Location)", r.StatusCode)
	}
	to := at.ResolveReference(location)
	to.Fragment, to.RawFragment = "", "" // meant for browsers
	if at.Scheme == "https" && to.Scheme == "http" {
		return nil, refused("it redirects from https to http, which anybody on the way can change: offer a URL that stays with https")
	}
	to, err = parseURL(to.String(), f.settings.AllowHTTP)
	if err != nil {
		return nil, refused("it redirects to a URL that is refused: %w", err)
	}
	return to, s.allows(to, f.settings.AllowedHosts)
}

// header is what one request says, and offered unless that is nil.
func (f *fetch) header(s *source, offered http.Header) http.Header {
	header := http.Header{"User-Agent": {userAgent}}
	maps.Copy(header, offered)
	header.Set("Accept-Encoding", "identity") // ranges are of bytes as they are stored, and so is the hash
	f.file.condition(s, header)
	return header
}

// send makes one request. The transport bounds each phase; the timer is for those it leaves open, such as the handshake with a SOCKS
// proxy, and sending.
func (f *fetch) send(ctx context.Context, cancel context.CancelCauseFunc, to *url.URL, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), http.NoBody)
	if err != nil {
		return nil, refused("no request can be made of the URL of %s", describe(to))
	}
	request.Header = header
	late := time.AfterFunc(maxPhases*f.settings.StallTimeout, func() { cancel(errStall) })
	defer late.Stop()
	response, err := f.lines.transport.RoundTrip(request)
	if err != nil {
		return nil, unreachable(causeOf(ctx, err))
	}
	return response, nil
}

// unreachable sorts the errors of net/http: who is not who it says it is, is not asked again, unless our clock may be to blame.
func unreachable(err error) error {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if invalid, ok := errors.AsType[x509.CertificateInvalidError](bad.Err); !ok || invalid.Reason != x509.Expired {
			return refused("the certificate of the server is not accepted: %w: check the CA certificates of downloads, and the host", foreign{bad.Err})
		}
	}
	return fmt.Errorf("no answer: %w", foreign{err})
}

// causeOf prefers why we cut a connection to what that looks like from inside.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause //nolint:wrapcheck // put into words by the caller
	}
	return err
}
