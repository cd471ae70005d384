package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/store"
)

func TestEachKindOfErrorHasItsExitCode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want exitCode
	}{
		"none":          {nil, exitOK},
		"any":           {errors.New("the event loop ended"), exitFailure},
		"command line":  {fmt.Errorf("wrapped: %w", usageError{errors.New("unknown flag")}), exitUsage},
		"configuration": {fmt.Errorf("wrapped: %w", &config.Error{}), exitConfig},
		"storage":       {fmt.Errorf("wrapped: %w", &store.LockedError{}), exitStorage},
	} {
		assert.Equal(t, c.want, codeOf(c.err), name)
	}
}

func TestTheManualHasTheExitCodesOfTheCode(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("exit.go")
	require.NoError(t, err)
	manual, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(manual), "<!-- exit codes -->")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "<!-- end -->")
	assert.Equal(t,
		numbers(`(?m)^\texit\w+\s+exitCode = (\d+)`, string(code)),
		numbers("(?m)^\\| `(\\d+)` \\|", table))
}

func numbers(pattern, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}
