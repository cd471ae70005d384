package main

import (
	"crypto/tls"
	"fmt"
	"strings"

	"opampd/supervisor/internal/config"
)

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
