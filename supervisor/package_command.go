package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// packageCommand groups what a publisher of releases needs, and who wants to see what one
// published.
func packageCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "package",
		Short: "Sign, check, list and install releases of the Collector",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(keygenCommand(), signCommand(), verifyCommand(), inspectCommand(), keyListCommand(),
		packageListCommand(), packageApplyCommand())
	return group
}

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// say writes a line for people.
func say(cmd *cobra.Command, format string, args ...any) {
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
}

// writeNew writes a file that was not there: neither a key nor a signature may be lost by
// a command that was repeated.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; remove it first, or choose another name", path)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read it: %w", err)
	}
	return data, nil
}

// moment reads when something ends: a time, a day, or how long from now.
func moment(text string, now time.Time) (time.Time, error) {
	now = now.UTC().Truncate(time.Second)
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			return now.AddDate(0, 0, n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 365d, 12h, 2027-01-31 or 2027-01-31T00:00:00Z", text)
}

// span reads A-B, or A alone. open allows to leave out one of them.
func span(text string, open bool) (from, to int64, err error) {
	first, last, both := strings.Cut(text, "-")
	if !both {
		last = first
	}
	from, errFrom := bound(first, open)
	to, errTo := bound(last, open)
	if err := errors.Join(errFrom, errTo); err != nil {
		return 0, 0, fmt.Errorf("%q is no range of indexes, such as 12-14", text)
	}
	return from, to, nil
}

func bound(text string, open bool) (int64, error) {
	if text == "" && open {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, errors.New("not an index")
	}
	return n, nil
}

// beside is the name that a signature of a file has.
func beside(path string) string { return filepath.Clean(path) + ".sig" }

func digestOf(path string) (digest [32]byte, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return digest, 0, fmt.Errorf("cannot read it: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return digest, 0, fmt.Errorf("cannot read it: %w", err)
	}
	return [32]byte(h.Sum(nil)), size, nil
}

// about puts what it is about before an error.
func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
