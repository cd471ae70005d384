package testkit

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// reserve keeps the port of addr, a free one for port 0, for this server while it is stopped: it binds a socket that never
// listens, so that connecting is refused, no other process is given the port, and no client's own end lands on it, which on
// loopback can even connect to itself. Listening sockets with SO_REUSEADDR, as all of Go's, can be bound beside it (socket(7)).
func reserve(tb testing.TB, addr string) (string, func()) {
	tb.Helper()
	want, err := net.ResolveTCPAddr("tcp4", addr)
	require.NoError(tb, err)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(tb, err)
	require.NoError(tb, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	var ip [4]byte
	copy(ip[:], want.IP.To4())
	require.NoError(tb, unix.Bind(fd, &unix.SockaddrInet4{Port: want.Port, Addr: ip}), "reserve %s", addr)
	bound, err := unix.Getsockname(fd)
	require.NoError(tb, err)
	inet4, ok := bound.(*unix.SockaddrInet4)
	require.True(tb, ok)
	got := net.TCPAddr{IP: inet4.Addr[:], Port: inet4.Port}
	return got.String(), func() { _ = unix.Close(fd) }
}
