package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/store"
	"opampd/supervisor/internal/trust"
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
		"refusal":       {fmt.Errorf("wrapped: %w", &trust.Refusal{}), exitRefused},
		"storage":       {fmt.Errorf("wrapped: %w", &store.LockedError{}), exitStorage},
	} {
		assert.Equal(t, c.want, codeOf(c.err), name)
	}
}
