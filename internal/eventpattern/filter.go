package eventpattern

import (
	"errors"
	"fmt"
	"strings"
)

// filter is one item of a pattern's list.
type filter struct {
	presence bool // it asks whether there is a value, and for nothing else
	exists   bool
	match    func(value any) bool
}

// absent is what a filter says of a field by its being there alone.
func (f filter) absent(there bool) bool { return f.presence && f.exists == there }

func parseFilters(place string, list []any) ([]filter, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is an empty list, which lets nothing through", place)
	}
	var out []filter
	for _, item := range list {
		f, err := parseFilter(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		out = append(out, f)
	}
	return out, nil
}

func parseFilter(item any) (filter, error) {
	switch item := item.(type) {
	case []any:
		return filter{}, errors.New("a list in a list")
	case map[string]any:
		if len(item) != 1 {
			return filter{}, fmt.Errorf("a filter has one name, not %d", len(item))
		}
		for name, operand := range item {
			if name == "exists" {
				exists, ok := operand.(bool)
				if !ok {
					return filter{}, errors.New("exists takes true or false")
				}
				return filter{presence: true, exists: exists}, nil
			}
			match, err := parseNamed(name, operand)
			return filter{match: match}, err
		}
	}
	return filter{match: func(value any) bool { return value == item }}, nil
}

func parseNamed(name string, operand any) (func(any) bool, error) {
	switch name {
	case "anything-but":
		return parseAnythingBut(operand)
	case "numeric":
		return parseNumeric(operand)
	case "prefix", "suffix":
		return parseEdge(name, operand)
	case "equals-ignore-case":
		return onText(name, operand, strings.EqualFold)
	case "wildcard":
		return onText(name, operand, wildcard)
	}
	return nil, fmt.Errorf("unknown filter %q", name)
}

// onText makes a filter of a test of the event's text against the pattern's.
func onText(name string, operand any, test func(value, want string) bool) (func(any) bool, error) {
	want, ok := operand.(string)
	if !ok {
		return nil, fmt.Errorf("%s takes a text", name)
	}
	return func(value any) bool {
		s, ok := value.(string)
		return ok && test(s, want)
	}, nil
}

func parseEdge(name string, operand any) (func(any) bool, error) {
	test := strings.HasPrefix
	if name == "suffix" {
		test = strings.HasSuffix
	}
	if folded, ok := operand.(map[string]any); ok && len(folded) == 1 {
		return onText(name, folded["equals-ignore-case"], func(value, want string) bool {
			return test(strings.ToLower(value), strings.ToLower(want))
		})
	}
	return onText(name, operand, test)
}

// parseAnythingBut takes a value, a list of values, or a filter of texts.
func parseAnythingBut(operand any) (func(any) bool, error) {
	switch operand := operand.(type) {
	case map[string]any:
		if len(operand) != 1 {
			return nil, fmt.Errorf("anything-but takes one filter, not %d", len(operand))
		}
		for name, inner := range operand {
			if name != "prefix" && name != "suffix" && name != "equals-ignore-case" && name != "wildcard" {
				return nil, fmt.Errorf("anything-but takes no filter %q", name)
			}
			match, err := parseNamed(name, inner)
			if err != nil {
				return nil, fmt.Errorf("anything-but: %w", err)
			}
			return func(value any) bool { return !match(value) }, nil
		}
	case []any:
		for _, item := range operand {
			if !scalar(item) {
				return nil, errors.New("anything-but takes a list of texts or numbers")
			}
		}
		return func(value any) bool {
			for _, item := range operand {
				if value == item {
					return false
				}
			}
			return true
		}, nil
	}
	if !scalar(operand) {
		return nil, errors.New("anything-but takes a text, a number, a list of them, or a filter")
	}
	return func(value any) bool { return value != operand }, nil
}

func scalar(v any) bool {
	switch v.(type) {
	case string, float64:
		return true
	}
	return false
}

// parseNumeric takes one or two comparisons: ["<", 10] or [">", 0, "<=", 5].
func parseNumeric(operand any) (func(any) bool, error) {
	list, ok := operand.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return nil, errors.New("numeric takes one or two comparisons, as [\">\", 0, \"<=\", 5]")
	}
	var tests []func(float64) bool
	for i := 0; i < len(list); i += 2 {
		operator, _ := list[i].(string)
		bound, ok := list[i+1].(float64)
		test := comparison(operator, bound)
		if !ok || test == nil {
			return nil, fmt.Errorf("numeric does not know %v %v", list[i], list[i+1])
		}
		tests = append(tests, test)
	}
	return func(value any) bool {
		n, ok := value.(float64)
		for _, test := range tests {
			ok = ok && test(n)
		}
		return ok
	}, nil
}

func comparison(operator string, bound float64) func(float64) bool {
	switch operator {
	case "<":
		return func(n float64) bool { return n < bound }
	case "<=":
		return func(n float64) bool { return n <= bound }
	case "=":
		return func(n float64) bool { return n == bound }
	case ">=":
		return func(n float64) bool { return n >= bound }
	case ">":
		return func(n float64) bool { return n > bound }
	}
	return nil
}

// wildcard tells whether a text is as a pattern in which * is any text, \* a star and \\ a backslash.
func wildcard(value, want string) bool {
	if want == "" {
		return value == ""
	}
	if want[0] == '*' {
		for i := range len(value) + 1 {
			if wildcard(value[i:], want[1:]) {
				return true
			}
		}
		return false
	}
	if want[0] == '\\' && len(want) > 1 && (want[1] == '*' || want[1] == '\\') {
		want = want[1:]
	}
	return value != "" && value[0] == want[0] && wildcard(value[1:], want[1:])
}
