package workflow

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"
)

// holds tells whether the rule holds for the data. A variable that names nothing is a failure,
// save for IsPresent, as on AWS. Rules of And and Or are tried in order, no more than needed.
func (r rule) holds(data any, env func() any) (bool, error) {
	switch {
	case r.test != nil:
		return r.test.holds(data, env)
	case r.not != nil:
		holds, err := r.not.holds(data, env)
		return !holds, err
	}
	for _, inner := range append(r.and, r.or...) {
		holds, err := inner.holds(data, env)
		if err != nil || holds == (r.or != nil) {
			return holds, err
		}
	}
	return r.or == nil, nil
}

func (c *comparison) holds(data any, env func() any) (bool, error) {
	value, present := c.variable.get(data, env)
	if c.operator == "IsPresent" {
		return present == c.constant, nil
	}
	if !present {
		return false, failf(ErrorRuntime, "the choice's variable %s names nothing in the data", c.variable.text)
	}
	right := c.constant
	if c.other != nil {
		if right, present = c.other.get(data, env); !present {
			return false, failf(ErrorRuntime, "the choice's path %s names nothing in the data", c.other.text)
		}
	}
	kind, relation := operatorKind(c.operator)
	if kind == "Is" {
		return isOf(relation, value) == right, nil
	}
	return compare(kind, relation, value, right), nil
}

func isOf(kind string, value any) bool {
	if kind == "Null" {
		return value == nil
	}
	_, ok := operand(kind, value)
	return ok
}

// operand reads a value as one of a kind.
func operand(kind string, value any) (any, bool) {
	switch kind {
	case "String":
		text, ok := value.(string)
		return text, ok
	case "Boolean":
		truth, ok := value.(bool)
		return truth, ok
	case "Numeric":
		number, ok := value.(json.Number)
		if !ok {
			return nil, false
		}
		f, err := number.Float64()
		return f, err == nil
	case "Timestamp":
		text, ok := value.(string)
		if !ok {
			return nil, false
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		return at, err == nil
	}
	return nil, false
}

// compare tells whether left relates to right; values of another kind never do.
func compare(kind, relation string, left, right any) bool {
	l, okL := operand(kind, left)
	r, okR := operand(kind, right)
	if !okL || !okR {
		return false
	}
	var order int
	switch l := l.(type) {
	case string:
		if relation == "Matches" {
			return matches(r.(string), l)
		}
		order = cmp.Compare(l, r.(string))
	case float64:
		order = cmp.Compare(l, r.(float64))
	case time.Time:
		order = l.Compare(r.(time.Time))
	case bool:
		return l == r
	}
	switch relation {
	case "Equals":
		return order == 0
	case "LessThan":
		return order < 0
	case "GreaterThan":
		return order > 0
	case "LessThanEquals":
		return order <= 0
	}
	return order >= 0
}

// matches compares with a pattern in which * is any text, \* a star and \\ a backslash.
func matches(pattern, text string) bool {
	parts := literals(pattern)
	last := len(parts) - 1
	if last == 0 {
		return text == parts[0]
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, parts[last])
}

// literals splits a pattern at its stars.
func literals(pattern string) []string {
	parts := []string{""}
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '*' {
			parts = append(parts, "")
			continue
		}
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		parts[len(parts)-1] += pattern[i : i+1]
	}
	return parts
}
