package opampclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// maxConnectAnswer bounds what a proxy may say before the tunnel is open, in bytes.
const maxConnectAnswer = 64 << 10

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// proxy is the proxy for the WebSocket endpoint, or nil.
func (c *Client) proxy() (*url.URL, error) {
	target, err := url.Parse(c.settings.URL)
	if err != nil {
		return nil, errors.New("the OpAMP endpoint is not a URL")
	}
	target.Scheme = strings.Replace(target.Scheme, "ws", "http", 1)
	proxy, err := c.settings.Proxy(&http.Request{Method: http.MethodGet, URL: target, Host: target.Host})
	if err != nil { // its text may hold the password of the proxy
		return nil, errors.New("the proxy setting is not a URL: check HTTP_PROXY and HTTPS_PROXY")
	}
	return proxy, nil
}

// connects says whether the proxy is spoken to with CONNECT. SOCKS is left to the WebSocket library, CONNECT is not:
// it knows no TLS to the proxy (G-22), and a status line without a reason makes it panic.
func connects(proxy *url.URL) bool {
	return proxy != nil && (proxy.Scheme == "http" || proxy.Scheme == "https")
}

func proxyAddress(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}

// tunnel dials through a CONNECT proxy; reach must connect to the proxy itself.
func (c *Client) tunnel(proxy *url.URL, reach dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := reach(ctx, network, addr)
		if err != nil {
			return nil, fmt.Errorf("reaching the proxy %s: %w", proxy.Host, err)
		}
		tunnelled, err := c.connectVia(ctx, proxy, raw, addr)
		if err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("asking the proxy %s for a tunnel to %s: %w", proxy.Host, addr, err)
		}
		return tunnelled, nil
	}
}

func (c *Client) connectVia(ctx context.Context, proxy *url.URL, raw net.Conn, addr string) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(deadline); err != nil {
			return nil, fmt.Errorf("setting a deadline: %w", err)
		}
	}
	if proxy.Scheme == "https" {
		config := c.settings.TLS.Clone()
		config.ServerName, config.NextProtos = proxy.Hostname(), nil
		secure := tls.Client(raw, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("handshake: %w", err)
		}
		raw = secure
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		request.Header.Set("Proxy-Authorization",
			"Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := request.Write(raw); err != nil {
		return nil, fmt.Errorf("sending: %w", err)
	}
	// Nothing is lost in the reader's buffer: behind the tunnel the server does not speak first.
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(raw, maxConnectAnswer)), request)
	if err != nil {
		return nil, fmt.Errorf("receiving: %w", err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	return raw, nil
}
