package testkit

import "testing"

// FreePort returns a host:port of 127.0.0.1 for a program under test to listen on. No other process is given it until the
// test ends.
func FreePort(tb testing.TB) string {
	tb.Helper()
	addr, release := reserve(tb, "127.0.0.1:0")
	tb.Cleanup(release)
	return addr
}
