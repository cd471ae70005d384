package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func someRows() []row {
	return []row{
		{what: "size", reference: "22.2 MB", budget: "≤ 20 MB", measured: "17.6 MB", verdict: pass},
		{what: "a|b", measured: "3", note: "one\nline " + strings.Repeat("x", 400)},
	}
}

func TestTextColumnsAreAligned(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	writeText(&b, someRows()[:1])
	assert.Equal(t, ""+
		"what  reference supervisor v0.149.0  budget   measured  pass/miss\n"+
		"size  22.2 MB                        ≤ 20 MB  17.6 MB   pass\n", b.String())
}

func TestMarkdownEscapesBars(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	writeMarkdown(&b, someRows())
	lines := strings.Split(b.String(), "\n")
	assert.Equal(t, "| what | reference supervisor v0.149.0 | budget | measured | pass/miss |", lines[0])
	assert.Equal(t, "|---|---|---|---|---|", lines[1])
	assert.Equal(t, "| size | 22.2 MB | ≤ 20 MB | 17.6 MB | pass |", lines[2])
	assert.Equal(t, `| a\|b | – | – | 3 | – |`, lines[3])
}

func TestNotesAreOneShortLineBelowTheTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	writeText(&b, someRows())
	_, notes, found := strings.Cut(b.String(), "\n\n")
	assert.True(t, found)
	assert.True(t, strings.HasPrefix(notes, "- a|b: one line xxx"), notes)
	assert.True(t, strings.HasSuffix(notes, " …\n"), notes)
	assert.Equal(t, 1, strings.Count(notes, "\n"))
}

func TestLaunchesAreToldFromQuestions(t *testing.T) {
	t.Parallel()
	launches, questions := sortLaunches("components\nfeaturegate\nvalidate --config c\n--version\n--config=file:e.yaml\n--feature-gates a --config e\n")
	assert.Equal(t, 2, launches)
	assert.Equal(t, []string{"components", "featuregate", "validate", "--version"}, questions)
}
