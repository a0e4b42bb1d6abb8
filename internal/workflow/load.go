package workflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Load reads a state machine. The error names the state and the field of every mistake, and of
// everything that is right but not supported here; nothing is silently left out.
func Load(raw []byte) (*Machine, error) {
	if err := noDuplicates(raw); err != nil {
		return nil, fmt.Errorf("state machine: %w", err)
	}
	var file struct {
		Comment, Version, QueryLanguage, StartAt string
		TimeoutSeconds                           int
		States                                   map[string]json.RawMessage
	}
	if err := strict(raw, &file); err != nil {
		return nil, fmt.Errorf("state machine: %w", err)
	}
	var problems []error
	if file.Version != "" && file.Version != "1.0" {
		problems = append(problems, fmt.Errorf("version %q is not supported, only 1.0", file.Version))
	}
	if file.QueryLanguage != "" && file.QueryLanguage != "JSONPath" {
		problems = append(problems, fmt.Errorf("query language %q is not supported, only JSONPath", file.QueryLanguage))
	}
	if file.TimeoutSeconds < 0 {
		problems = append(problems, errors.New("TimeoutSeconds is negative"))
	}
	f, err := loadFlow(file.StartAt, file.States)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, fmt.Errorf("state machine: %w", err)
	}
	return &Machine{Comment: file.Comment, flow: f, timeout: time.Duration(file.TimeoutSeconds) * time.Second}, nil
}

func loadFlow(start string, raw map[string]json.RawMessage) (flow, error) {
	f := flow{start: start, states: map[string]*state{}}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		s, err := loadState(name, raw[name])
		if err != nil {
			problems = append(problems, inState(name, err))
			continue
		}
		f.states[name] = s
	}
	if len(problems) == 0 {
		problems = checkFlow(f)
	}
	return f, errors.Join(problems...)
}

func inState(name string, err error) error {
	return fmt.Errorf("state %q: %w", name, err)
}

func loadState(name string, raw json.RawMessage) (*state, error) {
	s := &state{name: name, InputPath: whole(), OutputPath: whole(), ItemsPath: whole(), ResultPath: setter{whole()}}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(fields["Type"], &s.Type); err != nil {
		return nil, errors.New("field Type: a string must stand there")
	}
	allowed := fieldsOf(s.Type)
	if allowed == nil {
		return nil, fmt.Errorf("type %q is not supported", s.Type)
	}
	var problems []error
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(allowed, field) {
			problems = append(problems, fmt.Errorf("field %s is not supported in a %s", field, s.Type))
			continue
		}
		if err := loadField(s, field, fields[field]); err != nil {
			problems = append(problems, fmt.Errorf("field %s: %w", field, err))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if err := loadInner(s); err != nil {
		return nil, err
	}
	return s, errors.Join(checkState(s)...)
}

// loadField reads one field at a time, so that an error can name it.
func loadField(s *state, field string, value json.RawMessage) error {
	raw, err := json.Marshal(map[string]json.RawMessage{field: value})
	if err != nil {
		return err
	}
	return strict(raw, s)
}

func whole() selector { return selector{path: path{text: "$"}} }

// UnmarshalJSON implements json.Unmarshaler; an absent ResultPath is $.
func (c *catcher) UnmarshalJSON(raw []byte) error {
	type plain catcher
	c.ResultPath = setter{whole()}
	return strict(raw, (*plain)(c))
}

// loadInner reads the flows inside a Parallel or a Map.
func loadInner(s *state) error {
	bodies := s.Branches
	if s.Type == "Map" {
		bodies = []json.RawMessage{s.ItemProcessor}
	}
	for i, raw := range bodies {
		var body struct {
			Comment, StartAt string
			ProcessorConfig  struct{ Mode string }
			States           map[string]json.RawMessage
		}
		if err := strict(raw, &body); err != nil {
			return fmt.Errorf("flow %d: %w", i, err)
		}
		if mode := body.ProcessorConfig.Mode; mode != "" && mode != "INLINE" {
			return fmt.Errorf("mode %q is not supported, only INLINE", mode)
		}
		inner, err := loadFlow(body.StartAt, body.States)
		if err != nil {
			return fmt.Errorf("flow %d: %w", i, err)
		}
		s.flows = append(s.flows, inner)
	}
	return nil
}

// strict decodes one JSON value without fields that the target lacks.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the JSON")
	}
	return nil
}

// noDuplicates finds a name that an object has twice: encoding/json would take the last, and a
// state would be gone without a word.
func noDuplicates(raw []byte) error {
	return walkValue(json.NewDecoder(bytes.NewReader(raw)), 0)
}

// maxDepth is far more than a state machine needs and far less than a stack bears.
const maxDepth = 100

func walkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, isDelim := token.(json.Delim)
	if !isDelim {
		return nil
	}
	if depth > maxDepth {
		return errors.New("nested too deeply")
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name.(string)] {
				return fmt.Errorf("the name %q stands twice in one object", name)
			}
			seen[name.(string)] = true
		}
		if err := walkValue(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
