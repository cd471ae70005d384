package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/telemetry"
)

// manual returns the part of docs/operations.md between a mark and its end.
func manual(t *testing.T, mark string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "<!-- "+mark+" -->")
	require.True(t, found, "docs/operations.md has no mark %q", mark)
	part, _, _ := strings.Cut(after, "<!-- end -->")
	return part
}

func TestTheManualHasTheExitCodesOfTheCode(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("exit.go")
	require.NoError(t, err)
	assert.Equal(t,
		matches(`(?m)^\texit\w+\s+exitCode = (\d+)`, string(code)),
		matches("(?m)^\\| `(\\d+)` \\|", manual(t, "exit codes")))
}

func TestTheManualHasTheRefusalsOfTheCode(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile(filepath.Join("internal", "trust", "refusal.go"))
	require.NoError(t, err)
	var told []string
	for line := range strings.Lines(manual(t, "refusals")) {
		check, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		told = append(told, matches("`([a-z-]+)`", check)...)
	}
	assert.Equal(t, matches(`(?m)^\tcheck\w+ += "([a-z-]+)"`, string(code)), told)
}

func TestTheManualHasTheMetricsOfTheCode(t *testing.T) {
	t.Parallel()
	table := "\n| metric | kind | unit | meaning |\n|---|---|---|---|\n"
	for _, d := range telemetry.Definitions() {
		table += fmt.Sprintf("| `%s` | %s | %s | %s |\n", d.Name, d.Kind, d.Unit, d.Meaning)
	}
	assert.Equal(t, table, manual(t, "metrics"))
}

func matches(pattern, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}
