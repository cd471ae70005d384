//go:build unix

package config

import "syscall"

// nonBlocking keeps opening a named pipe from waiting for its writer.
const nonBlocking = syscall.O_NONBLOCK
