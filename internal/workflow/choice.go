package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rule is one Choice rule: And, Or, Not over further rules, or a comparison of a variable.
type rule struct {
	Next string
	and  []rule
	or   []rule
	not  *rule
	test *comparison
}

// comparison compares what a path names with a constant or with what another path names.
type comparison struct {
	variable path
	operator string // without Path at its end
	constant any
	other    *path
}

// UnmarshalJSON implements json.Unmarshaler, and refuses fields and operators it does not know.
func (r *rule) UnmarshalJSON(raw []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return fmt.Errorf("a choice rule must be an object: %w", err)
	}
	delete(fields, "Comment")
	if next, ok := fields["Next"]; ok {
		if err := json.Unmarshal(next, &r.Next); err != nil {
			return fmt.Errorf("field Next: %w", err)
		}
		delete(fields, "Next")
	}
	if variable, ok := fields["Variable"]; ok {
		delete(fields, "Variable")
		return r.parseComparison(variable, fields)
	}
	if len(fields) != 1 {
		return fmt.Errorf("a choice rule has one of Variable, And, Or, Not; this one has %v", slices.Sorted(maps.Keys(fields)))
	}
	for name, value := range fields {
		return r.parseLogic(name, value)
	}
	return nil
}

func (r *rule) parseLogic(name string, value json.RawMessage) error {
	var into any
	switch name {
	case "And":
		into = &r.and
	case "Or":
		into = &r.or
	case "Not":
		into = &r.not
	default:
		return fmt.Errorf("unknown field %s in a choice rule", name)
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r.not == nil && len(r.and)+len(r.or) == 0 {
		return fmt.Errorf("%s needs at least one rule", name)
	}
	return nil
}

func (r *rule) parseComparison(variable json.RawMessage, fields map[string]json.RawMessage) error {
	if len(fields) != 1 {
		return fmt.Errorf("a comparison has one operator; this one has %v", slices.Sorted(maps.Keys(fields)))
	}
	c := &comparison{}
	if err := parsePathInto(variable, &c.variable); err != nil {
		return fmt.Errorf("field Variable: %w", err)
	}
	for name, value := range fields {
		if err := c.parseOperator(name, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	r.test = c
	return nil
}

func parsePathInto(raw json.RawMessage, into *path) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	p, err := parsePath(text)
	*into = p
	return err
}

// parseOperator knows each operator by the kind of its operand and the rest of its name.
func (c *comparison) parseOperator(name string, value json.RawMessage) error {
	plain, isPath := strings.CutSuffix(name, "Path")
	kind, _ := operatorKind(plain)
	if kind == "" || isPath && (kind == "Is" || plain == "StringMatches") {
		return fmt.Errorf("unknown operator")
	}
	c.operator = plain
	if isPath {
		c.other = &path{}
		return parsePathInto(value, c.other)
	}
	if err := decode(value, &c.constant); err != nil {
		return err
	}
	want := kind
	if kind == "Is" {
		want = "Boolean"
	}
	if _, ok := operand(want, c.constant); !ok {
		return fmt.Errorf("%s is no %s", value, strings.ToLower(want))
	}
	return nil
}

func operatorKind(operator string) (kind, relation string) {
	for _, kind := range []string{"String", "Numeric", "Boolean", "Timestamp", "Is"} {
		relation, ok := strings.CutPrefix(operator, kind)
		if ok && slices.Contains(relationsOf(kind), relation) {
			return kind, relation
		}
	}
	return "", ""
}

func relationsOf(kind string) []string {
	order := []string{"Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"}
	switch kind {
	case "String":
		return append(order, "Matches")
	case "Boolean":
		return []string{"Equals"}
	case "Is":
		return []string{"Present", "Null", "String", "Numeric", "Boolean", "Timestamp"}
	}
	return order
}
