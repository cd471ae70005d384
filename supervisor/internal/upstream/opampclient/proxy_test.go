package opampclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests are on real sockets, since TLS and proxies are. Every wait has a deadline.
const patience = 20 * time.Second

// exchange runs a client until it was answered once or lost once, and returns the error of the loss.
func exchange(t *testing.T, s Settings) error {
	t.Helper()
	s.UID, s.Capabilities = testUID(), allBits
	outcome := make(chan error, 10)
	c, err := New(s, Events{
		Connected:    func() { outcome <- nil },
		Disconnected: func(err error, _ time.Duration) { outcome <- err },
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx)
	}()
	defer func() {
		assert.NoError(t, c.Stop(ctx, nil))
		<-ended
	}()
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tlsServer is an OpAMP server behind TLS and the pool that trusts it.
func tlsServer(t *testing.T) (*httptest.Server, *tls.Config) {
	t.Helper()
	fake := newFakeServer(t)
	server := httptest.NewTLSServer(fake)
	t.Cleanup(func() { close(fake.stop); server.Close() })
	return server, trusting(server)
}

func trusting(servers ...*httptest.Server) *tls.Config {
	pool := x509.NewCertPool()
	for _, s := range servers {
		pool.AddCert(s.Certificate())
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func endpoint(s *httptest.Server, transport string) string {
	if transport == "ws" {
		return strings.Replace(s.URL, "http", "ws", 1)
	}
	return s.URL
}

func TestTLSServersAreVerified(t *testing.T) {
	t.Parallel()
	for _, transport := range both() {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			server, trusted := tlsServer(t)
			require.NoError(t, exchange(t, Settings{URL: endpoint(server, transport), TLS: trusted, Proxy: noProxy}))
			err := exchange(t, Settings{URL: endpoint(server, transport), Proxy: noProxy})
			var unknown x509.UnknownAuthorityError
			require.ErrorAs(t, err, &unknown)
		})
	}
}

// connectProxy is a CONNECT proxy that wants a password and tunnels to any address.
func connectProxy(t *testing.T, start func(http.Handler) *httptest.Server) (*httptest.Server, *url.URL) {
	t.Helper()
	server := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		if r.Method != http.MethodConnect || !ok || user != "agent" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		far, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
		if !assert.NoError(t, err) {
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200\r\n\r\n")
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	u.User = url.UserPassword("agent", "hunter2")
	return server, u
}

func TestConnectProxies(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(http.Handler) *httptest.Server{
		"plain proxy": httptest.NewServer, "proxy behind TLS": httptest.NewTLSServer,
	} {
		for _, transport := range both() {
			t.Run(name+" "+transport, func(t *testing.T) {
				t.Parallel()
				server, trusted := tlsServer(t)
				proxy, proxyURL := connectProxy(t, start)
				if proxy.Certificate() != nil {
					trusted = trusting(server, proxy)
				}
				s := Settings{URL: endpoint(server, transport), TLS: trusted, Proxy: http.ProxyURL(proxyURL)}
				require.NoError(t, exchange(t, s), "G-22")
				stranger := *proxyURL
				stranger.User = url.UserPassword("stranger", "hunter2")
				s.Proxy = http.ProxyURL(&stranger)
				err := exchange(t, s)
				require.ErrorContains(t, err, "Proxy Authentication Required")
				assert.NotContains(t, err.Error(), "hunter2")
			})
		}
	}
}

func TestProxyThatTalksNonsenseIsAnError(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"HTTP/1.1 500\r\n\r\n", "\r\n", "HTTP/1.1 407 x\r\n\r\n", ""} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = listener.Close() }()
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, answer)
				_ = c.Close()
			}
		}()
		proxy := &url.URL{Scheme: "http", Host: listener.Addr().String()}
		require.Error(t, exchange(t, Settings{URL: "ws://opamp.test", Proxy: http.ProxyURL(proxy)}))
	}
}

func TestUnknownProxySchemeIsAnError(t *testing.T) {
	t.Parallel()
	err := exchange(t, Settings{URL: "ws://opamp.test", Proxy: http.ProxyURL(&url.URL{Scheme: "gopher", Host: "h"})})
	require.ErrorContains(t, err, "gopher")
}

func TestServerThatVanishesOnRealSockets(t *testing.T) {
	t.Parallel()
	fake := newFakeServer(t)
	fake.answer = func(int, *protobufs.AgentToServer) reply { return reply{} }
	server := httptest.NewServer(fake)
	address := server.URL
	close(fake.stop)
	server.Close()
	for _, transport := range both() {
		u := strings.Replace(address, "http", transport, 1)
		require.ErrorContains(t, exchange(t, Settings{URL: u, Proxy: noProxy}), "refused")
	}
}
