package effective

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// same is deep equality in which NaN equals itself and instants are compared as such.
func same(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for key := range x {
			if other, has := y[key]; !has || !same(x[key], other) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	case float64:
		y, ok := b.(float64)
		return ok && (x == y || math.IsNaN(x) && math.IsNaN(y))
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}

// normal turns what the library makes of keys that are no text into text, which the Collector does within maps but leaves
// within lists until a component reads them.
func normal(value any) any {
	switch v := value.(type) {
	case map[any]any:
		m := map[string]any{}
		for key, item := range v {
			m[fmt.Sprint(key)] = normal(item)
		}
		return m
	case map[string]any:
		m := map[string]any{}
		for key, item := range v {
			m[key] = normal(item)
		}
		return m
	case []any:
		l := make([]any, 0, len(v))
		for _, item := range v {
			l = append(l, normal(item))
		}
		return l
	}
	return value
}

func orEmpty(m map[string]any) any {
	if m == nil {
		return map[string]any{}
	}
	return normal(m)
}
