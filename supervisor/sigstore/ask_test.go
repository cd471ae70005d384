package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// outcome is what a caller of the program sees.
type outcome struct {
	code           exitCode
	stdout, stderr string
}

func ask(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(args, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// refused asserts a refusal as callers rely on it: no answer, one line, and the reason in it.
func (o outcome) refused(t *testing.T, why string) {
	t.Helper()
	assert.Equal(t, exitRefused, o.code)
	assert.Empty(t, o.stdout)
	assert.Contains(t, o.stderr, why)
	assert.True(t, strings.HasPrefix(o.stderr, "opampd-sigstore: refused: "), o.stderr)
	assert.Equal(t, len(o.stderr)-1, strings.Index(o.stderr, "\n"), o.stderr)
}

func sha256Of(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
