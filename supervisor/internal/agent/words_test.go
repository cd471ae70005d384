package agent

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"opampd/supervisor/internal/process"
)

// panicked is what a Collector says that panics.
var panicked = "info Everything is ready.\npanic: assignment to entry in nil map [recovered]\n\tpanic: again\n\ngoroutine 1 [running]:\n" +
	strings.Repeat("go.opentelemetry.io/collector/service.(*Service).Start(0xc000)\n\t/src/service.go:1 +0x1\n", 40) + "exit status 2"

func TestOfAPanicTheFirstLinesAreKept(t *testing.T) {
	t.Parallel()
	kept := lastWords(panicked, 160)
	assert.True(t, strings.HasPrefix(kept, "panic: assignment to entry in nil map"), kept)
	assert.True(t, strings.HasSuffix(kept, "Start(0xc000)"), "whole lines: %q", kept)
	assert.LessOrEqual(t, len(kept), 160)
	assert.Equal(t, "fatal error: é", lastWords(strings.Repeat("x", 20)+"\nfatal error: éé", 16), "whole characters")
	assert.Equal(t, "panic: x", lastWords(strings.Repeat("x", 20)+"\npanic: x", 16), "all of a short one")
}

func TestOfOtherWordsTheLastLinesAreKept(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "c d", lastWords("a panic: b\nc d", 8))
	assert.Equal(t, "é", lastWords("ééé", 3))
	assert.Equal(t, "all of it\n", lastWords("all of it\n", 10))
}

func TestTheCauseIsTheErrorOrThePanicOrTheLastLine(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		panicked:                          "exited with code 1: panic: assignment to entry in nil map [recovered]",
		"starting\nError: no such host\n": "exited with code 1: no such host",
		"starting\nfatal error: stack overflow\n\ngoroutine": "exited with code 1: fatal error: stack overflow",
		"starting\nthe end\n\n":                              "exited with code 1: the end",
		"":                                                   "exited with code 1",
	} {
		assert.Equal(t, want, ended(process.Exit{Code: 1, Tail: said}))
	}
}
