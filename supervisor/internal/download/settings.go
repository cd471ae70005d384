package download

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// DefaultStallTimeout is how long a server may bring nothing. One that swaps, or a proxy that scans first, needs less.
	DefaultStallTimeout = time.Minute
	// DefaultAttempts outlasts, with the default pauses, a server that is away for four minutes.
	DefaultAttempts = 10
	// DefaultRetryMin is the mean of the first pause.
	DefaultRetryMin = time.Second
	// DefaultRetryMax is the mean of the longest pause.
	DefaultRetryMax = time.Minute
)

// Settings are what the local administrator decides about all downloads.
type Settings struct {
	// TLS is used for servers and for proxies that are spoken to by TLS; nil means the system's roots. TLS 1.2 is the least. A ServerName
	// in it would be verified for every host, mirrors included.
	TLS *tls.Config
	// Proxy picks the proxy of a request; nil means http.ProxyFromEnvironment. Passwords belong into the URL it returns.
	Proxy func(*http.Request) (*url.URL, error)
	// AllowHTTP accepts http URLs too. A redirect from https to http is never followed.
	AllowHTTP bool
	// AllowedHosts are names or addresses without port, or *.example.com for all names below example.com. If there are any, the host of
	// the URL and of each redirect must be among them. If there are none, any host may be offered, and redirects must stay on it.
	AllowedHosts []string
	// RateLimit in bytes per second; 0 means none.
	RateLimit int64
	// StallTimeout bounds each of: connecting, the TLS handshake, the wait for the header, the wait for the next byte. A body that brings
	// less than 1 KiB/s over five times this is stalled, too.
	StallTimeout time.Duration
	// Attempts is how often in a row each source is asked without a new byte before it is given up.
	Attempts int
	// RetryMin and RetryMax bound the mean pause between two attempts at one source. It doubles, and is spread by half each way.
	RetryMin, RetryMax time.Duration
	// Progress is called at most once a second, and once when the file is complete, never after Fetch returned and never twice at once.
	// It must not block: Fetch waits for it.
	Progress func(Progress)
	// Space is asked before anything is written whether there is room for a file of so many bytes in all, what the Partial holds
	// included; again when it turns out larger. Its error ends the fetch. nil means that there is.
	Space func(size int64) error
}

// Progress is how far a fetch is.
type Progress struct {
	Bytes          int64   // that the Partial holds
	Total          int64   // bytes of the whole file; 0 while unknown
	Percent        float64 // 0 to 100; 0 while the total is unknown
	BytesPerSecond float64 // over the last ten seconds, pauses included
}

// Client fetches files. Its methods may be called from any goroutine; each Fetch stands alone. Make it with [New].
type Client struct {
	settings Settings
	dial     dialFunc
}

// New fills in the defaults of what is zero. It fails for negative numbers and for hosts that could never match.
func New(s Settings) (*Client, error) {
	for name, value := range map[string]int64{
		"rate limit": s.RateLimit, "stall timeout": int64(s.StallTimeout), "number of attempts": int64(s.Attempts),
		"shortest pause": int64(s.RetryMin), "longest pause": int64(s.RetryMax),
	} {
		if value < 0 {
			return nil, fmt.Errorf("cannot download with a %s below zero", name)
		}
	}
	hosts, err := hostPatterns(s.AllowedHosts)
	if err != nil {
		return nil, err
	}
	s.AllowedHosts = hosts
	if s.Proxy == nil {
		s.Proxy = http.ProxyFromEnvironment
	}
	if s.Space == nil {
		s.Space = func(int64) error { return nil }
	}
	if s.StallTimeout == 0 {
		s.StallTimeout = DefaultStallTimeout
	}
	if s.Attempts == 0 {
		s.Attempts = DefaultAttempts
	}
	if s.RetryMin == 0 {
		s.RetryMin = DefaultRetryMin
	}
	if s.RetryMax == 0 {
		s.RetryMax = max(DefaultRetryMax, s.RetryMin)
	}
	return &Client{settings: s, dial: new(net.Dialer).DialContext}, nil
}
