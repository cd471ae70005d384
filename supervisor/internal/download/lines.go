package download

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// maxAnswerHeader bounds the header of an answer, in bytes.
const maxAnswerHeader = 64 << 10

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// lines are the connections of one fetch. net/http lets dials and handshakes go on in the background when a request has been cancelled;
// lines ends them. The mutex is here because it dials and closes from goroutines of its own.
type lines struct {
	transport *http.Transport
	dial      dialFunc
	stall     time.Duration // what a dial may take
	dials     sync.WaitGroup

	mu     sync.Mutex
	ends   map[*end]struct{} // of every dial and every connection
	closed bool
}

// end ends something.
type end struct{ now func() }

// line is a connection that is known to be open.
type line struct {
	net.Conn
	of  *lines
	end *end
}

// Close implements net.Conn. Until it is closed, lines.close must find it.
func (c *line) Close() error {
	defer c.of.leave(c.end)
	return c.Conn.Close() //nolint:wrapcheck // for net/http
}

func newLines(c *Client) *lines {
	s := c.settings
	l := &lines{dial: c.dial, stall: s.StallTimeout, ends: map[*end]struct{}{}}
	one := new(http.Protocols)
	one.SetHTTP1(true)
	l.transport = &http.Transport{
		DialContext: l.connect, TLSClientConfig: tlsConfig(s.TLS), Proxy: silent(s.Proxy), Protocols: one,
		TLSHandshakeTimeout: s.StallTimeout, ResponseHeaderTimeout: s.StallTimeout, MaxResponseHeaderBytes: maxAnswerHeader,
		DisableKeepAlives: true, DisableCompression: true,
	}
	return l
}

func tlsConfig(given *tls.Config) *tls.Config {
	if given == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c := given.Clone()
	c.MinVersion, c.NextProtos = max(c.MinVersion, tls.VersionTLS12), nil
	return c
}

// silent keeps the password in a proxy's URL out of errors.
func silent(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		if err != nil {
			return nil, errors.New("the proxy setting is not a URL: check the proxy of downloads, HTTP_PROXY and HTTPS_PROXY")
		}
		return u, nil
	}
}

// connect dials, but not beyond the end of the fetch.
func (l *lines) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.stall)
	defer cancel()
	dialling := &end{now: cancel}
	if !l.enter(dialling, true) {
		return nil, net.ErrClosed
	}
	defer l.dials.Done()
	defer l.leave(dialling)
	conn, err := l.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &line{Conn: conn, of: l, end: &end{now: func() { _ = conn.Close() }}}
	if !l.enter(c.end, false) {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

// enter notes what has to be ended by close, unless that was called.
func (l *lines) enter(e *end, dial bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.ends[e] = struct{}{}
	if dial {
		l.dials.Add(1)
	}
	return true
}

func (l *lines) leave(e *end) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ends, e)
}

// close ends every dial and every connection, and thereby all that net/http may still do in the background.
func (l *lines) close() {
	l.mu.Lock()
	l.closed = true
	ends := slices.Collect(maps.Keys(l.ends))
	l.mu.Unlock()
	for _, e := range ends {
		e.now()
	}
	l.dials.Wait()
	l.transport.CloseIdleConnections()
}
