package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

// design returns the text of docs/design.md.
func design(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "design.md"))
	require.NoError(t, err)
	return string(text)
}

// between returns what stands between two marks.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, after, found := strings.Cut(text, from)
	require.True(t, found, "docs/design.md has no %s", from)
	part, _, found := strings.Cut(after, to)
	require.True(t, found, "docs/design.md: %s has no end", from)
	return part
}

// all returns the names of an enum, in its order.
func all[E interface {
	~int
	fmt.Stringer
}]() []string {
	var names []string
	for e := E(0); e.String() != "unknown"; e++ {
		names = append(names, e.String())
	}
	return names
}

func TestTheTablesOfTheDesignHaveTheNamesOfTheCode(t *testing.T) {
	t.Parallel()
	text := design(t)
	firstCell := regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|")
	for table, names := range map[string][]string{
		"phase": all[core.Phase](), "stage": all[core.Stage](), "level": all[core.Level](), "timer": all[core.Timer](),
		"fetch": all[core.FetchStage](), "trial": all[core.TrialStage](),
	} {
		var written []string
		for _, row := range firstCell.FindAllStringSubmatch(between(t, text, "<!-- names "+table+" -->", "<!-- end -->"), -1) {
			written = append(written, row[1])
		}
		assert.Equal(t, names, written, "the table of names %q in docs/design.md", table)
	}
}

func TestTheDiagramsOfTheDesignHaveTheStatesOfTheCode(t *testing.T) {
	t.Parallel()
	text := design(t)
	arrow := regexp.MustCompile(`(?m)^\s+(\S+) --> ([a-z]+)`)
	for diagram, names := range map[string][]string{
		"phase": all[core.Phase](), "stage": all[core.Stage](), "fetch": all[core.FetchStage](), "trial": all[core.TrialStage](),
	} {
		drawn := map[string]bool{}
		for _, edge := range arrow.FindAllStringSubmatch(between(t, text, "<!-- diagram "+diagram+" -->", "\n```\n"), -1) {
			for _, state := range edge[1:] {
				drawn[state] = drawn[state] || state != "[*]"
			}
		}
		for state, isState := range drawn {
			assert.True(t, !isState || slices.Contains(names, state), "%q is drawn and not in the code", state)
		}
		for _, name := range names {
			assert.True(t, drawn[name], "%q is in the code and not drawn", name)
		}
	}
}
