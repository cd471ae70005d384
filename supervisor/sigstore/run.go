package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// exitCode is what the program ends with; it is part of its interface.
type exitCode int

const (
	exitVerified exitCode = 0
	exitRefused  exitCode = 1 // whatever was not proved, for whatever reason
	exitUsage    exitCode = 2 // the command line is wrong, nothing was looked at
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

// run does what the arguments say. The answer goes to stdout, the reason why there is none to stderr.
//
// A panic of a parser is a refusal like any other: the bundle is a stranger's, and nothing may be taken as verified
// because of how it is broken.
func run(args []string, stdout, stderr io.Writer) (code exitCode) {
	defer func() {
		if cause := recover(); cause != nil {
			code = explain(stderr, fmt.Errorf("refused: the check broke off: %v", cause))
		}
	}()
	return explain(stderr, dispatch(args, stdout))
}

func dispatch(args []string, stdout io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		return write(stdout, []byte(version))
	case len(args) > 0 && args[0] == "verify":
		r, err := parse(args[1:])
		if err != nil {
			return err
		}
		text, err := r.answer()
		if err != nil {
			return err
		}
		return write(stdout, text)
	default:
		return usageError{errors.New("say `verify` or `version`")}
	}
}

func write(stdout io.Writer, text []byte) error {
	if _, err := stdout.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("refused: write the answer: %w", err)
	}
	return nil
}

// explain says on one line why there is no answer, and tells the exit code.
func explain(stderr io.Writer, err error) exitCode {
	if err == nil {
		return exitVerified
	}
	fmt.Fprintln(stderr, "opampd-sigstore: "+oneLine(err.Error())) //nolint:errcheck // the exit code says it as well
	if _, wrong := errors.AsType[usageError](err); wrong {
		fmt.Fprint(stderr, usageText) //nolint:errcheck // as above
		return exitUsage
	}
	return exitRefused
}

// maxLine is how much of a reason is shown, bytes: it quotes names from certificates, which can be as long as a bundle.
const maxLine = 1000

// oneLine makes text safe for a log line: what a stranger put into a certificate must not become a line of its own.
func oneLine(text string) string {
	text = strings.ReplaceAll(text, "; error: %!w(<nil>)", "") // sigstore-go's slip when a bundle has no timestamp at all
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	return text
}
