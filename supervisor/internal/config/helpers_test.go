package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// write puts a file in place and gives what it lacks by flags.
func write(tb testing.TB, text string) Options {
	tb.Helper()
	return Options{
		Path:  putFile(tb, "supervisor.yaml", text),
		Flags: map[string]any{"server.endpoint": "ws://localhost:4320", "agent.executable": "testdata/collector"},
	}
}

func putFile(tb testing.TB, name, text string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}
