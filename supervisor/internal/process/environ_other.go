//go:build !linux

package process

import "errors"

// WithEnvironment cannot look into other processes here.
func WithEnvironment(string) (Record, error) { return Record{}, errors.ErrUnsupported }

// Holding cannot look into other processes here.
func Holding(_, _ string) []Record { return nil }
