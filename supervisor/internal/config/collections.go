package config

import (
	"errors"
	"fmt"
	"strings"
)

// textOf returns a value as text: whatever ${...} brought in has one, even if it looks like something else.
func textOf(v value) (string, bool) {
	return v.text, v.kind == scalar || v.kind == null || v.text != ""
}

func texts(v value) ([]string, error) {
	if v.kind != list {
		return nil, errors.New("must be a list")
	}
	all := make([]string, len(v.items))
	for i, item := range v.items {
		text, ok := textOf(item)
		if !ok {
			return nil, fmt.Errorf("must be a list of strings; element %d is something else", i)
		}
		all[i] = text
	}
	return all, nil
}

func textMap(v value) (map[string]string, error) {
	if v.kind != section {
		return nil, errors.New("must be a map of names to strings")
	}
	all := make(map[string]string, len(v.fields))
	for _, f := range v.fields {
		text, ok := textOf(f.value)
		if !ok {
			return nil, fmt.Errorf("must be a map of names to strings; %s is something else", f.name)
		}
		all[f.name] = text
	}
	return all, nil
}

// headers reads a map to a string or a list of strings, and otelconf's list of {name, value}.
func headers(v value) (map[string][]string, error) {
	if v.kind == list {
		v = value{kind: section, fields: pairs(v)}
	}
	if v.kind != section {
		return nil, errors.New("must be a map of header names to a string or a list of strings")
	}
	all := make(map[string][]string, len(v.fields))
	for _, f := range v.fields {
		if f.value.kind != list {
			f.value = value{kind: list, items: []value{f.value}}
		}
		values, err := texts(f.value)
		if err != nil {
			return nil, fmt.Errorf("header %s must be a string or a list of strings", f.name)
		}
		for i := range values {
			values[i] = strings.Trim(values[i], "\r\n") // the end of a line is never part of a credential
		}
		all[f.name] = append(all[f.name], values...)
	}
	return all, nil
}

// pairs reads [{name: a, value: b}].
func pairs(v value) []field {
	var all []field
	for _, item := range v.items {
		name, content := find(item.fields, "name"), find(item.fields, "value")
		if name != nil && content != nil {
			all = append(all, field{name.value.text, content.value})
		}
	}
	return all
}

// attributes reads telemetry.resource in both forms: the flat map, and the declarative one.
func (d *decoder) attributes(v value, s scope) (map[string]string, error) {
	flat := value{kind: v.kind}
	for _, f := range v.fields {
		switch f.name {
		case "attributes":
			flat.fields = append(flat.fields, pairs(f.value)...)
		case "detection/development", "attributes_list", "schema_url":
			d.warn(f.value.at, s.path+"."+f.name, "accepted, but not built in this version: it adds no attributes")
		default:
			flat.fields = append(flat.fields, f)
		}
	}
	return textMap(flat)
}

// elements decodes a list of sections.
func (d *decoder) elements(v value, s scope) ([]map[string]any, error) {
	if v.kind != list {
		return nil, errors.New("must be a list")
	}
	all := make([]map[string]any, len(v.items))
	for i, item := range v.items {
		all[i] = map[string]any{}
		path := fmt.Sprintf("%s[%d]", s.path, i)
		d.origins[path] = item.at
		d.section(item, scope{pattern: s.pattern + "[]", path: path, tree: all[i], base: s.pattern + "[]."})
	}
	return all, nil
}
