//go:build !linux

package testkit

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// reserve picks a free port; nothing keeps it while the server is stopped.
func reserve(tb testing.TB, addr string) (string, func()) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", addr)
	require.NoError(tb, err)
	require.NoError(tb, listener.Close())
	return listener.Addr().String(), func() {}
}
