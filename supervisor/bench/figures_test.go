package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestQuantileIsOneOfTheValues(t *testing.T) {
	t.Parallel()
	d := durations{5, 1, 4, 2, 3}
	assert.Equal(t, time.Duration(3), d.p50())
	assert.Equal(t, time.Duration(5), d.quantile(0.99))
	assert.Equal(t, time.Duration(1), d.quantile(0))
	assert.Equal(t, durations{5, 1, 4, 2, 3}, d, "it sorts a copy")
}

func TestNothingMeasuredHasNoFigures(t *testing.T) {
	t.Parallel()
	assert.Zero(t, durations(nil).p50())
	assert.Zero(t, durations(nil).max())
	assert.Equal(t, "nothing", durations(nil).String())
	assert.Equal(t, "0", per(3, 0))
}

func TestFiguresAreShort(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "0 ms", ms(0))
	assert.Equal(t, "1.5 ms", ms(1500*time.Microsecond))
	assert.Equal(t, "1017 ms", ms(1016_800*time.Microsecond))
	assert.Equal(t, "20 ms (30 ms)", durations{10 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond}.String())
	assert.Equal(t, "17.6 MB", mb(17_555_618))
	assert.Equal(t, "2.5", per(5, 2))
}
