//go:build !linux

package telemetry

// ownUsage has nothing to tell: memory is not to be had without cgo.
func ownUsage() (usage, bool) { return usage{}, false }
