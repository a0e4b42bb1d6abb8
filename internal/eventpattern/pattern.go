// Package eventpattern tells which events an EventBridge pattern lets through, as rules, archives and the
// filters of Lambda's event sources use them
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html).
//
// It knows exact values, null, prefix, suffix, equals-ignore-case, anything-but, numeric, exists, wildcard
// and $or, and refuses what else a pattern may say.
package eventpattern

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Pattern is a pattern that has been checked.
type Pattern struct{ root object }

// object wants each of its fields to match, and one of the alternatives of each of its $or.
type object struct {
	fields map[string]field
	either [][]object
}

// field is a nested object, or a list of filters of which one must match.
type field struct {
	nested  *object
	filters []filter
}

// Parse reads a pattern. Its error names the place of the mistake, as detail.end.
func Parse(raw []byte) (Pattern, error) {
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Pattern{}, fmt.Errorf("event pattern: %w", err)
	}
	root, err := parseObject("", fields)
	if err != nil {
		return Pattern{}, fmt.Errorf("event pattern: %w", err)
	}
	return Pattern{root}, nil
}

func parseObject(path string, fields map[string]any) (object, error) {
	out := object{fields: map[string]field{}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		place := name
		if path != "" {
			place = path + "." + name
		}
		switch value := fields[name].(type) {
		case map[string]any:
			nested, err := parseObject(place, value)
			if err != nil {
				return object{}, err
			}
			out.fields[name] = field{nested: &nested}
		case []any:
			if name == "$or" {
				either, err := parseEither(path, value)
				if err != nil {
					return object{}, err
				}
				out.either = append(out.either, either)
				continue
			}
			filters, err := parseFilters(place, value)
			if err != nil {
				return object{}, err
			}
			out.fields[name] = field{filters: filters}
		default:
			return object{}, fmt.Errorf("%s must be an object or a list", place)
		}
	}
	return out, nil
}

func parseEither(path string, list []any) ([]object, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("%s.$or must have two alternatives or more", path)
	}
	var out []object
	for _, item := range list {
		fields, ok := item.(map[string]any)
		if !ok || len(fields) == 0 {
			return nil, fmt.Errorf("%s.$or must hold objects with fields", path)
		}
		alternative, err := parseObject(path, fields)
		if err != nil {
			return nil, err
		}
		out = append(out, alternative)
	}
	return out, nil
}

// Match tells whether an event, a JSON object, is let through.
func (p Pattern) Match(event []byte) (bool, error) {
	var fields map[string]any
	if err := json.Unmarshal(event, &fields); err != nil {
		return false, fmt.Errorf("event: %w", err)
	}
	return p.root.match(fields), nil
}

func (o object) match(event map[string]any) bool {
	for name, f := range o.fields {
		value, there := event[name]
		if !f.match(value, there) {
			return false
		}
	}
	for _, either := range o.either {
		if !slices.ContainsFunc(either, func(a object) bool { return a.match(event) }) {
			return false
		}
	}
	return true
}

func (f field) match(value any, there bool) bool {
	if f.nested != nil {
		return f.matchNested(value)
	}
	values := []any{value}
	switch v := value.(type) {
	case []any: // one of a list's values is enough
		values = v
	case map[string]any: // only what has a value is there
		there = false
	}
	return slices.ContainsFunc(f.filters, func(filter filter) bool {
		if !there || filter.presence {
			return filter.absent(there)
		}
		return slices.ContainsFunc(values, filter.match)
	})
}

// matchNested also looks into the objects of a list, of which one must match as a whole. What is no
// object has no fields, which a pattern may ask for with exists.
func (f field) matchNested(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return f.nested.match(v)
	case []any:
		objects := 0
		for _, item := range v {
			if fields, ok := item.(map[string]any); ok {
				if f.nested.match(fields) {
					return true
				}
				objects++
			}
		}
		return objects == 0 && f.nested.match(nil)
	}
	return f.nested.match(nil)
}
