//go:build !linux

package store

import "testing"

func tiny(t *testing.T, _ string) {
	t.Helper()
	t.Skip("needs mounts")
}

func readOnly(t *testing.T, _ string) {
	t.Helper()
	t.Skip("needs mounts")
}

func fill(*testing.T, string) {}
