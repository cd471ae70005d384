// Package trace writes events and commands as lines of text, and reads events
// back: the syntax of the scenario files, in which a running daemon also prints
// its last events, so that a bug in the field becomes a test.
//
// A line is the name of the event and its fields that are not zero:
//
//	ConfigOffered Offer.Hash="b1" Offer.Body="b"
//	TimerFired Timer=probation ID=3
package trace

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"opampd/supervisor/internal/core"
)

// longest is how much of a text field is kept in a line: bodies may be megabytes.
const longest = 120

// Line returns an event or a command in one line. Texts are cut after 120 bytes.
func Line(v any) string {
	var b strings.Builder
	r := reflect.ValueOf(v)
	b.WriteString(r.Type().Name())
	fields(&b, "", r)
	return b.String()
}

func fields(b *strings.Builder, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		name, f := prefix+v.Type().Field(i).Name, v.Field(i)
		switch {
		case f.Kind() == reflect.Struct:
			fields(b, name+".", f)
		case f.IsZero() && v.Type().Field(i).Name != "Timer":
		case secret(v.Type().Field(i).Name):
			fmt.Fprintf(b, " %s=\"[redacted]\"", name)
		case f.Kind() == reflect.String:
			s := f.String()
			if len(s) > longest {
				s = fmt.Sprintf("%s…(%d bytes)", strings.ToValidUTF8(s[:longest], ""), len(s))
			}
			fmt.Fprintf(b, " %s=%q", name, s)
		case f.Kind() == reflect.Bool:
			fmt.Fprintf(b, " %s", name)
		case f.CanInt():
			fmt.Fprintf(b, " %s=%v", name, number(f))
		default:
			fmt.Fprintf(b, " %s=%d", name, f.Uint())
		}
	}
}

// secret reports whether a field may hold credentials, which leave no trace.
func secret(name string) bool {
	return slices.Contains([]string{"Token", "Metrics", "Traces", "Logs", "Data"}, name)
}

// number keeps durations readable and writes enums as numbers.
func number(f reflect.Value) any {
	if s, ok := reflect.TypeAssert[fmt.Stringer](f); ok && s.String() != unknown {
		return s
	}
	return f.Int()
}

// unknown is what enums call a value that has no name.
const unknown = "unknown"

// Parse reads an event as Line writes it. The error names the word that is wrong.
func Parse(line string) (core.Event, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	for _, ev := range events() {
		t := reflect.TypeOf(ev)
		if t.Name() != name {
			continue
		}
		p := reflect.New(t)
		if err := assign(p.Elem(), rest); err != nil {
			return nil, fmt.Errorf("event %s: %w", name, err)
		}
		ev, _ := reflect.TypeAssert[core.Event](p.Elem())
		return ev, nil
	}
	return nil, fmt.Errorf("unknown event %q", name)
}

// Assign sets fields of a struct, written as in a line without its name.
func Assign(p any, words string) error { return assign(reflect.ValueOf(p).Elem(), words) }

func assign(v reflect.Value, rest string) error {
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		end := strings.IndexAny(rest, "= ")
		if end < 0 {
			end = len(rest)
		}
		f := field(v, rest[:end])
		if !f.IsValid() {
			return fmt.Errorf("no field %q", rest[:end])
		}
		word, after, err := value(rest[end:])
		if err != nil {
			return fmt.Errorf("field %s: %w", rest[:end], err)
		}
		if err := set(f, word); err != nil {
			return fmt.Errorf("field %s: %w", rest[:end], err)
		}
		rest = after
	}
	return nil
}

// value splits `="text" rest`, `=12 rest` or ` rest` into a word and the rest.
func value(s string) (word, rest string, err error) {
	if !strings.HasPrefix(s, "=") {
		return "true", s, nil
	}
	s = s[1:]
	if strings.HasPrefix(s, `"`) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", "", fmt.Errorf("text %.20q: %w", s, err)
		}
		word, err = strconv.Unquote(quoted)
		return word, s[len(quoted):], err //nolint:wrapcheck // QuotedPrefix vouches for it
	}
	word, rest, _ = strings.Cut(s, " ")
	return word, rest, nil
}

func field(v reflect.Value, path string) reflect.Value {
	for name := range strings.SplitSeq(path, ".") {
		if v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		v = v.FieldByName(name)
	}
	return v
}

func set(f reflect.Value, word string) error {
	switch {
	case f.Kind() == reflect.String:
		f.SetString(word)
	case f.Kind() == reflect.Bool:
		yes, err := strconv.ParseBool(word)
		if err != nil {
			return fmt.Errorf("truth %q: %w", word, err)
		}
		f.SetBool(yes)
	case f.CanInt():
		if enum(f, word) || duration(f, word) {
			return nil
		}
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return fmt.Errorf("number %q: %w", word, err)
		}
		f.SetInt(n)
	case f.CanUint():
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			return fmt.Errorf("number %q: %w", word, err)
		}
		f.SetUint(n)
	default:
		return fmt.Errorf("%s cannot be written as a word", f.Type())
	}
	return nil
}

// duration sets a time.Duration that is written with its unit.
func duration(f reflect.Value, word string) bool {
	d, err := time.ParseDuration(word)
	if err != nil || f.Type() != reflect.TypeFor[time.Duration]() {
		return false
	}
	f.SetInt(int64(d))
	return true
}

// enum sets a field to the constant with the given name; no enum has more than 16.
func enum(f reflect.Value, word string) bool {
	for i := range int64(16) {
		f.SetInt(i)
		if s, ok := reflect.TypeAssert[fmt.Stringer](f); ok && s.String() == word && word != unknown {
			return true
		}
	}
	return false
}

// events lists one of each event.
func events() []core.Event {
	return []core.Event{
		core.Booted{},
		core.Adopted{},
		core.NothingFound{},
		core.Expecting{},
		core.Started{},
		core.StartFailed{},
		core.Reloaded{},
		core.ReloadFailed{},
		core.Exited{},
		core.AgentDescribed{},
		core.AgentHealth{},
		core.AgentEffective{},
		core.AgentComponents{},
		core.AgentCustomCapabilities{},
		core.AgentMessage{},
		core.AgentDisconnected{},
		core.AgentSilent{},
		core.Prepared{},
		core.Refused{},
		core.ServerGreeted{},
		core.ServerLost{},
		core.ConfigOffered{},
		core.TelemetryOffered{},
		core.HeartbeatOffered{},
		core.PackagesOffered{},
		core.Fetching{},
		core.Fetched{},
		core.FetchFailed{},
		core.Rehearsed{},
		core.Unfit{},
		core.Selected{},
		core.SelectFailed{},
		core.RollbackRequested{},
		core.RestartRequested{},
		core.Renamed{},
		core.ServerMessage{},
		core.ServerCustomCapabilities{},
		core.LinkClosed{},
		core.TimerFired{},
		core.StoreChanged{},
		core.ShutdownRequested{},
		core.ReloadRequested{},
	}
}
