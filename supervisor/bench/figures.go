package main

import (
	"fmt"
	"slices"
	"time"
)

// durations are the results of a repeated measurement.
type durations []time.Duration

// quantile is the nearest one above a share q of all, 0 ≤ q < 1; 0 of nothing.
func (d durations) quantile(q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[int(q*float64(len(sorted)))]
}

func (d durations) p50() time.Duration { return d.quantile(0.5) }

func (d durations) max() time.Duration {
	if len(d) == 0 {
		return 0
	}
	return slices.Max(d)
}

// String is p50 and, in parentheses, the maximum.
func (d durations) String() string {
	if len(d) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s (%s)", ms(d.p50()), ms(d.max()))
}

// ms writes milliseconds, with one decimal below ten.
func ms(d time.Duration) string {
	if v := float64(d) / float64(time.Millisecond); v < 10 && v != 0 {
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}

// mb writes megabytes.
func mb(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// per divides, with one decimal.
func per(a, b int) string {
	if b == 0 {
		return "0"
	}
	return fmt.Sprintf("%.1f", float64(a)/float64(b))
}
