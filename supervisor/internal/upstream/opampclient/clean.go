package opampclient

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Caps of text in a report (S-086), in bytes. The specification sets none; without them one endless line of a
// Collector's output would fill every health report.
const (
	maxErrorText  = 4 << 10
	maxText       = 16 << 10
	maxServerText = 256
)

// cleaned copies a message for keeping: all text valid UTF-8, without which it could not be marshalled and would take the
// whole report down with it (S-085), and none longer than its cap. Bytes, such as configuration bodies, are left alone.
func cleaned[M proto.Message](m M) M {
	c, ok := proto.Clone(m).(M)
	if ok {
		clean(c.ProtoReflect())
	}
	return c
}

func clean(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			cleanMap(fd, v.Map())
		case fd.IsList():
			cleanList(fd, v.List())
		default:
			m.Set(fd, cleanValue(fd, v))
		}
		return true
	})
}

func cleanList(fd protoreflect.FieldDescriptor, l protoreflect.List) {
	for i := range l.Len() {
		l.Set(i, cleanValue(fd, l.Get(i)))
	}
}

func cleanMap(fd protoreflect.FieldDescriptor, m protoreflect.Map) {
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		v = cleanValue(fd.MapValue(), v)
		if key := cleanValue(fd.MapKey(), k.Value()).MapKey(); key.Interface() != k.Interface() {
			m.Clear(k)
			k = key
		}
		m.Set(k, v)
		return true
	})
}

func cleanValue(fd protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	if fd.Kind() == protoreflect.MessageKind {
		clean(v.Message())
	}
	if fd.Kind() != protoreflect.StringKind {
		return v
	}
	limit := maxText
	if fd.Name() == "last_error" || fd.Name() == "error_message" {
		limit = maxErrorText
	}
	return protoreflect.ValueOfString(clip(v.String(), limit))
}

// clip makes text valid UTF-8 of at most limit bytes, and shows where it was cut.
func clip(s string, limit int) string {
	const mark = "…"
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if len(s) <= limit {
		return s
	}
	cut := limit - len(mark)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}
