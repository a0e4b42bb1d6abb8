package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"unicode"
)

// path is a JSONPath that names one value: $ or $$ (the context object), then .name, ['name'] or
// [index]. What can name several values (*, .., filters, slices) is refused.
type path struct {
	text    string
	context bool
	steps   []any // string or int
}

func parsePath(text string) (path, error) {
	p := path{text: text}
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return path{}, fmt.Errorf("path %q does not begin with $", text)
	}
	rest, p.context = strings.CutPrefix(rest, "$")
	for rest != "" {
		var step any
		var err error
		if strings.HasPrefix(rest, ".") {
			step, rest, err = dotStep(rest[1:])
		} else {
			step, rest, err = bracketStep(rest)
		}
		if err != nil {
			return path{}, fmt.Errorf("path %q: %w", text, err)
		}
		p.steps = append(p.steps, step)
	}
	return p, nil
}

func dotStep(rest string) (step any, after string, err error) {
	end := strings.IndexFunc(rest, func(r rune) bool {
		return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return nil, "", fmt.Errorf("a name is missing before %q; only .name, ['name'] and [index] are supported", rest)
	}
	return rest[:end], rest[end:], nil
}

func bracketStep(rest string) (step any, after string, err error) {
	if name, ok := strings.CutPrefix(rest, "['"); ok {
		name, after, ok := strings.Cut(name, "']")
		if !ok || name == "" {
			return nil, "", fmt.Errorf("%q lacks its end", rest)
		}
		return name, after, nil
	}
	index, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	if n, err := strconv.Atoi(index); ok && rest[0] == '[' && err == nil && n >= 0 {
		return n, after, nil
	}
	return nil, "", fmt.Errorf("cannot read %q; only .name, ['name'] and [index] are supported", rest)
}

// get gives the value that the path names in data or, for $$, in the context object.
func (p path) get(data any, env func() any) (value any, ok bool) {
	value = data
	if p.context {
		value = env()
	}
	for _, step := range p.steps {
		switch step := step.(type) {
		case string:
			object, isObject := value.(map[string]any)
			if value, ok = object[step]; !isObject || !ok {
				return nil, false
			}
		case int:
			array, isArray := value.([]any)
			if !isArray || step >= len(array) {
				return nil, false
			}
			value = array[step]
		}
	}
	return value, true
}

// set gives data with value at the path; data itself stays as it is.
func (p path) set(data, value any) (any, error) {
	return setSteps(p, p.steps, data, value)
}

func setSteps(p path, steps []any, data, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	object, ok := data.(map[string]any)
	if !ok {
		return nil, failf(ErrorResultPathMatch, "ResultPath %s leads into what is no object", p.text)
	}
	name := steps[0].(string) // setter refuses indexes
	inner, has := object[name]
	if !has {
		inner = map[string]any{}
	}
	inner, err := setSteps(p, steps[1:], inner, value)
	if err != nil {
		return nil, err
	}
	object = maps.Clone(object)
	object[name] = inner
	return object, nil
}

// selector is an InputPath, OutputPath or the like: absent is $, null is nothing.
type selector struct {
	path
	null bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *selector) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		s.null = true
		return nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("a path must be a string or null, not %s", raw)
	}
	var err error
	s.path, err = parsePath(text)
	return err
}

// given tells whether the file has the field with a path.
func (s selector) given() bool { return s.text != "" }

// apply gives what the selector leaves of data.
func (s selector) apply(data any, env func() any) (any, error) {
	if s.null {
		return map[string]any{}, nil
	}
	value, ok := s.get(data, env)
	if !ok {
		return nil, failf(ErrorRuntime, "path %s names nothing in the data", s.text)
	}
	return value, nil
}

// setter is a ResultPath: absent is $, null drops the result.
type setter struct{ selector }

// UnmarshalJSON implements json.Unmarshaler.
func (s *setter) UnmarshalJSON(raw []byte) error {
	if err := s.selector.UnmarshalJSON(raw); err != nil {
		return err
	}
	if s.context {
		return fmt.Errorf("ResultPath %s: the context object cannot be written", s.text)
	}
	for _, step := range s.steps {
		if _, isName := step.(string); !isName {
			return fmt.Errorf("ResultPath %s: writing into an array is not supported", s.text)
		}
	}
	return nil
}

func (s setter) apply(data, result any) (any, error) {
	if s.null {
		return data, nil
	}
	return s.set(data, result)
}

// decode reads JSON with numbers kept as they are written.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}
