//go:build !unix

package config

// nonBlocking is not needed where named pipes are not files.
const nonBlocking = 0
