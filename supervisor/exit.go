package main

import (
	"errors"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/store"
	"opampd/supervisor/internal/trust"
)

// exitCode is what opampd ends with. The table is part of its interface, see
// docs/operations.md.
type exitCode int

const (
	exitOK      exitCode = 0
	exitFailure exitCode = 1 // anything that has no code of its own
	exitUsage   exitCode = 2 // the command line is wrong
	exitConfig  exitCode = 3 // supervisor.yaml is missing or wrong
	exitStorage exitCode = 4 // another opampd has the storage directory
	exitRefused exitCode = 5 // a release is not trusted
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func codeOf(err error) exitCode {
	var (
		usage  usageError
		conf   *config.Error
		locked *store.LockedError
		no     *trust.Refusal
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &conf):
		return exitConfig
	case errors.As(err, &locked):
		return exitStorage
	case errors.As(err, &no):
		return exitRefused
	default:
		return exitFailure
	}
}
