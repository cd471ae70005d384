package main

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"strings"

	"opampd/supervisor/internal/config"
)

// endpointOf is the endpoint without what may be a secret.
func endpointOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// tlsOf loads the TLS settings of the server's endpoint. They are not looked at for
// an endpoint without TLS, as in the reference supervisor.
func tlsOf(c config.Server) (*tls.Config, error) {
	if !strings.HasPrefix(c.Endpoint, "wss:") && !strings.HasPrefix(c.Endpoint, "https:") {
		return nil, nil //nolint:nilnil // no TLS is no error
	}
	t, err := c.TLS.Load()
	if err != nil {
		return nil, fmt.Errorf("server.tls: %w", err)
	}
	return t, nil
}
