package workflow

import (
	"encoding/json"
	"fmt"
	"strings"
)

// template is a Parameters, ResultSelector or Payload: JSON in which a field "x.$" is a path whose
// value becomes field "x".
type template struct{ value any }

// UnmarshalJSON implements json.Unmarshaler, and refuses what cannot be filled in.
func (t *template) UnmarshalJSON(raw []byte) error {
	var value any
	if err := decode(raw, &value); err != nil {
		return err
	}
	var err error
	t.value, err = compile(value)
	return err
}

func (t template) given() bool { return t.value != nil }

// compile replaces the text of every path by the path.
func compile(value any) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, inner := range value {
			compiled, err := compileField(name, inner)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			plain := strings.TrimSuffix(name, ".$")
			if _, twice := out[plain]; twice {
				return nil, fmt.Errorf("%s and %s.$ are both given", plain, plain)
			}
			out[plain] = compiled
		}
		return out, nil
	case []any:
		out := make([]any, len(value))
		for i, inner := range value {
			compiled, err := compile(inner)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			out[i] = compiled
		}
		return out, nil
	}
	return value, nil
}

func compileField(name string, value any) (any, error) {
	if !strings.HasSuffix(name, ".$") {
		return compile(value)
	}
	text, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("the name ends in .$, so a path must follow")
	}
	if strings.HasPrefix(text, "States.") {
		return nil, fmt.Errorf("intrinsic functions (%s) are not supported", text)
	}
	return parsePath(text)
}

// fill gives the template's value over data and the context object.
func (t template) fill(data any, env func() any) (any, error) { return fill(t.value, data, env) }

func fill(value, data any, env func() any) (any, error) {
	switch value := value.(type) {
	case path:
		found, ok := value.get(data, env)
		if !ok {
			return nil, failf(ErrorParameterPath, "path %s names nothing in the data", value.text)
		}
		return found, nil
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, inner := range value {
			filled, err := fill(inner, data, env)
			if err != nil {
				return nil, err
			}
			out[name] = filled
		}
		return out, nil
	case []any:
		out := make([]any, len(value))
		for i, inner := range value {
			filled, err := fill(inner, data, env)
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	}
	return value, nil
}

// uses tells whether the template has the path.
func (t template) uses(text string) bool { return usesPath(t.value, text) }

func usesPath(value any, text string) bool {
	switch value := value.(type) {
	case path:
		return value.text == text || strings.HasPrefix(text, value.text+".") && value.context
	case map[string]any:
		for _, inner := range value {
			if usesPath(inner, text) {
				return true
			}
		}
	case []any:
		for _, inner := range value {
			if usesPath(inner, text) {
				return true
			}
		}
	}
	return false
}

var _ json.Unmarshaler = (*template)(nil)
