package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// typed converts a value to what its key wants. Numbers, truth values and durations are read from text, so that
// it does not matter whether they were written plain, quoted, in the environment or brought in by ${...}.
// An error says what is wanted, and shows what was found only if that is no secret.
func (d *decoder) typed(key Key, v value, s scope) (any, error) {
	switch key.Type {
	case Strings:
		return texts(v)
	case StringMap:
		return textMap(v)
	case HeaderMap:
		return headers(v)
	case Attributes:
		return d.attributes(v, s)
	case Sections:
		return d.elements(v, s)
	case String, Bool, Int, Duration, Milliseconds, Size, Expression, Any:
	}
	text, ok := textOf(v)
	if !ok {
		return nil, fmt.Errorf("must be a %s, not a list or a section", key.Type)
	}
	typed, err := single(key, text)
	if err == nil {
		return typed, nil
	}
	if key.Secret || v.at.secret {
		return nil, fmt.Errorf("%w; what was found is not shown", err)
	}
	return nil, fmt.Errorf("%w, got %q", err, text)
}

// single converts a text.
func single(key Key, text string) (any, error) {
	if key.Type == String {
		return oneOf(key.Allowed, text)
	}
	text = strings.TrimSpace(text)
	switch key.Type {
	case Bool:
		return truth(text)
	case Int:
		n, err := strconv.ParseInt(text, 0, 32)
		return int(n), wanted(err, "must be a whole number")
	case Duration:
		return duration(text)
	case Milliseconds:
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			return time.Duration(n) * time.Millisecond, nil
		}
		return duration(text)
	case Size:
		return size(text)
	case Expression:
		_, err := regexp.Compile(text)
		return text, wanted(err, "must be a regular expression (RE2)")
	case String, Strings, StringMap, HeaderMap, Attributes, Sections, Any:
	}
	return text, nil
}

func wanted(err error, message string) error {
	if err != nil {
		return errors.New(message) // strconv's own words repeat the value, which may be a secret
	}
	return nil
}

func oneOf(allowed []string, text string) (any, error) {
	if len(allowed) == 0 || text == "" {
		return text, nil
	}
	i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, text) })
	if i < 0 {
		return nil, fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
	}
	return allowed[i], nil
}

func truth(text string) (any, error) {
	switch text {
	case "true", "True", "TRUE":
		return true, nil
	case "false", "False", "FALSE":
		return false, nil
	default:
		return nil, errors.New("must be true or false")
	}
}

func duration(text string) (any, error) {
	d, err := time.ParseDuration(text)
	return d, wanted(err, "must be a duration with a unit, such as 5s or 1m30s")
}

// size reads bytes: a number, alone or with one of the units of IEC 80000-13.
func size(text string) (any, error) {
	units := []string{"KiB", "MiB", "GiB"}
	factor := int64(1)
	for i, unit := range units {
		if number, ok := strings.CutSuffix(text, unit); ok {
			text, factor = strings.TrimSpace(number), 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return nil, errors.New("must be a number of bytes, or a size such as 64MiB")
	}
	return n * factor, nil
}
