package workflow

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// fieldsOf gives the fields that a state of the type may have; nil for an unknown type.
func fieldsOf(stateType string) []string {
	common := []string{"Type", "Comment", "InputPath", "OutputPath", "QueryLanguage"}
	next := []string{"Next", "End"}
	result := []string{"Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"}
	switch stateType {
	case "Task":
		return slices.Concat(common, next, result, []string{"Resource", "TimeoutSeconds", "HeartbeatSeconds"})
	case "Parallel":
		return slices.Concat(common, next, result, []string{"Branches"})
	case "Map":
		return slices.Concat(common, next, result[1:], []string{"ItemsPath", "ItemSelector", "ItemProcessor", "MaxConcurrency"})
	case "Pass":
		return slices.Concat(common, next, []string{"Parameters", "Result", "ResultPath"})
	case "Wait":
		return slices.Concat(common, next, []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"})
	case "Choice":
		return slices.Concat(common, []string{"Choices", "Default"})
	case "Succeed":
		return common
	case "Fail":
		return []string{"Type", "Comment", "QueryLanguage", "Error", "ErrorPath", "Cause", "CausePath"}
	}
	return nil
}

// checkState finds the mistakes that show without the other states.
func checkState(s *state) []error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if s.QueryLanguage != "" && s.QueryLanguage != "JSONPath" {
		wrong("query language %q is not supported, only JSONPath", s.QueryLanguage)
	}
	ends := s.Type == "Choice" || s.Type == "Succeed" || s.Type == "Fail"
	if !ends && s.End == (s.Next != "") {
		wrong("exactly one of Next and End must be given")
	}
	switch s.Type {
	case "Task":
		problems = append(problems, checkTask(s)...)
	case "Choice":
		problems = append(problems, checkChoice(s)...)
	case "Wait":
		if n := given(s.Seconds != nil, s.SecondsPath.given(), s.Timestamp != nil, s.TimestampPath.given()); n != 1 {
			wrong("exactly one of Seconds, SecondsPath, Timestamp and TimestampPath must be given")
		}
		if s.Seconds != nil && *s.Seconds < 0 {
			wrong("Seconds is negative")
		}
	case "Fail":
		if s.Error != "" && s.ErrorPath.given() || s.Cause != "" && s.CausePath.given() {
			wrong("Error and ErrorPath, Cause and CausePath exclude each other")
		}
	case "Parallel":
		if len(s.flows) == 0 {
			wrong("Branches is missing")
		}
	case "Map":
		if s.MaxConcurrency < 0 {
			wrong("MaxConcurrency is negative")
		}
	}
	return append(problems, checkErrorHandling(s)...)
}

func given(fields ...bool) int {
	n := 0
	for _, f := range fields {
		if f {
			n++
		}
	}
	return n
}

func checkTask(s *state) []error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if s.Resource != resourceInvoke && s.Resource != resourceInvokeToken {
		wrong("resource %q is not supported, only %s and %s", s.Resource, resourceInvoke, resourceInvokeToken)
	}
	s.withToken = s.Resource == resourceInvokeToken
	parameters, _ := s.Parameters.value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if name != "FunctionName" && name != "Payload" {
			wrong("Parameters.%s is not supported, only FunctionName and Payload", name)
		}
	}
	name, ok := parameters["FunctionName"].(string)
	if !ok || name == "" {
		wrong("Parameters.FunctionName must be a name")
	}
	s.function = functionName(name)
	if s.withToken && !s.Parameters.uses("$$.Task.Token") {
		wrong("Parameters hand the task no token ($$.Task.Token), so it could never end")
	}
	if s.TimeoutSeconds < 0 || s.HeartbeatSeconds < 0 {
		wrong("TimeoutSeconds and HeartbeatSeconds must be positive")
	}
	if s.HeartbeatSeconds > 0 && !s.withToken {
		wrong("HeartbeatSeconds is supported with a task token only")
	}
	if s.HeartbeatSeconds > 0 && s.TimeoutSeconds > 0 && s.HeartbeatSeconds >= s.TimeoutSeconds {
		wrong("HeartbeatSeconds must be less than TimeoutSeconds")
	}
	return problems
}

func checkChoice(s *state) []error {
	if len(s.Choices) == 0 {
		return []error{errors.New("field Choices is missing")}
	}
	var problems []error
	for i, r := range s.Choices {
		if r.Next == "" {
			problems = append(problems, fmt.Errorf("rule Choices[%d] has no Next", i))
		}
		if slices.ContainsFunc(r.inner(), rule.leads) {
			problems = append(problems, fmt.Errorf("rule Choices[%d]: only the outermost rule has a Next", i))
		}
	}
	return problems
}

func (r rule) inner() []rule {
	inner := slices.Concat(r.and, r.or)
	if r.not != nil {
		inner = append(inner, *r.not)
	}
	return inner
}

func (r rule) leads() bool { return r.Next != "" || slices.ContainsFunc(r.inner(), rule.leads) }

func checkErrorHandling(s *state) []error {
	var problems []error
	check := func(field string, i, of int, names []string) {
		all := slices.Contains(names, ErrorAll)
		switch {
		case len(names) == 0:
			problems = append(problems, fmt.Errorf("%s[%d]: ErrorEquals is missing", field, i))
		case all && (len(names) > 1 || i < of-1):
			problems = append(problems, fmt.Errorf("%s[%d]: %s must stand alone and in the last place", field, i, ErrorAll))
		}
	}
	for i, r := range s.Retry {
		check("Retry", i, len(s.Retry), r.ErrorEquals)
		if err := r.check(); err != nil {
			problems = append(problems, fmt.Errorf("rule Retry[%d]: %w", i, err))
		}
	}
	for i, c := range s.Catch {
		check("Catch", i, len(s.Catch), c.ErrorEquals)
		if c.Next == "" {
			problems = append(problems, fmt.Errorf("rule Catch[%d] has no Next", i))
		}
	}
	return problems
}

func (r retrier) check() error {
	switch {
	case r.IntervalSeconds != nil && *r.IntervalSeconds < 1:
		return errors.New("IntervalSeconds must be at least 1")
	case r.MaxAttempts != nil && *r.MaxAttempts < 0:
		return errors.New("MaxAttempts must not be negative")
	case r.BackoffRate != nil && *r.BackoffRate < 1:
		return errors.New("BackoffRate must be at least 1")
	case r.MaxDelaySeconds < 0:
		return errors.New("MaxDelaySeconds must not be negative")
	case r.JitterStrategy != "" && r.JitterStrategy != "FULL" && r.JitterStrategy != "NONE":
		return fmt.Errorf("JitterStrategy %q is neither FULL nor NONE", r.JitterStrategy)
	}
	return nil
}

// checkFlow finds states that lead nowhere and states that nothing leads to.
func checkFlow(f flow) []error {
	if f.states[f.start] == nil {
		return []error{fmt.Errorf("StartAt %q is not one of its states", f.start)}
	}
	var problems []error
	reached := map[string]bool{f.start: true}
	for queue := []string{f.start}; len(queue) > 0; queue = queue[1:] {
		for _, next := range f.states[queue[0]].successors() {
			if f.states[next] == nil {
				problems = append(problems, inState(queue[0], fmt.Errorf("next state %q does not exist", next)))
				continue
			}
			if !reached[next] {
				reached[next] = true
				queue = append(queue, next)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.states)) {
		if !reached[name] {
			problems = append(problems, inState(name, errors.New("nothing leads to it")))
		}
	}
	return problems
}

// successors gives the names of the states that may follow.
func (s *state) successors() []string {
	var out []string
	for _, r := range s.Choices {
		out = append(out, r.Next)
	}
	for _, c := range s.Catch {
		out = append(out, c.Next)
	}
	for _, name := range []string{s.Next, s.Default} {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}
