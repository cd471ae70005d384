package download

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// source is one place to get the file from, and how it went there.
type source struct {
	url    *url.URL
	header http.Header // nil for a mirror
	mirror bool

	curve    *backoff.ExponentialBackOff
	failures int       // in a row, without a new byte from anywhere
	ready    time.Time // not to be asked before
	gone     bool      // refused for good
	err      error     // the last
}

// sources are the mirrors, then the offered URL.
func (c *Client) sources(r Request) ([]*source, error) {
	offered, err := parseURL(r.URL, c.settings.AllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("the offered URL is refused: %w", err)
	}
	if hasDots(offered) {
		return nil, errors.New("the path of the offered URL climbs with dots: write it without")
	}
	if allowed := c.settings.AllowedHosts; len(allowed) > 0 && !hostAllowed(hostname(offered), allowed) {
		return nil, fmt.Errorf("the host %s is not an allowed host of downloads: add it there, or offer another URL", offered.Hostname())
	}
	header, err := checkHeader(r.Header)
	if err != nil {
		return nil, fmt.Errorf("the offer is refused: %w", err)
	}
	var all []*source
	for i, raw := range r.Mirrors {
		base, err := parseURL(raw, c.settings.AllowHTTP)
		if err != nil {
			return nil, fmt.Errorf("mirror %d of the settings cannot be used: %w", i+1, err)
		}
		if base.Path == "" {
			base.Path = "/" // or the joined path would not begin with one
		}
		all = append(all, &source{url: base.JoinPath(offered.EscapedPath()), mirror: true, curve: c.curve()})
	}
	return append(all, &source{url: offered, header: header, curve: c.curve()}), nil
}

func (c *Client) curve() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: c.settings.RetryMin, MaxInterval: c.settings.RetryMax, Multiplier: 2,
		RandomizationFactor: 0.5, // a fleet that lost its server together does not come back together
	}
}

// failed notes the end of an attempt. What the server asked for is the least pause; the curve comes on top, for its spread.
func (s *source) failed(f *failure, progressed bool) {
	s.err, s.gone = f, f.kind == Refused
	if !progressed {
		s.failures++
	}
	s.ready = time.Now().Add(f.wait + s.curve.NextBackOff())
}

// renew forgets failures: the network works.
func (s *source) renew() {
	s.failures = 0
	s.curve.Reset()
}

// allows says whether this source may redirect to another URL.
func (s *source) allows(to *url.URL, hosts []string) error {
	switch {
	case hostname(to) == hostname(s.url), hostAllowed(hostname(to), hosts):
		return nil
	case len(hosts) == 0:
		return refused("it redirects to another host, %s: name both as allowed hosts of downloads, or offer the final URL", clip(to.Hostname()))
	}
	return refused("it redirects to %s, which is not an allowed host of downloads: add it there, or offer another URL", clip(to.Hostname()))
}
