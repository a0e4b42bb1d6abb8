package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Machine is a state machine that Load has accepted.
type Machine struct {
	Comment string
	flow
	timeout time.Duration // of an execution; 0 is none
}

// flow is what a machine, a branch of a Parallel and the processor of a Map have in common.
type flow struct {
	start  string
	states map[string]*state
}

// state is one state of any type; check.go says which fields a type may have.
type state struct {
	name string

	Type          string
	QueryLanguage string
	Comment       string
	Next          string
	End           bool

	InputPath      selector
	Parameters     template
	ResultSelector template
	ResultPath     setter
	OutputPath     selector

	Resource         string
	TimeoutSeconds   int
	HeartbeatSeconds int
	Retry            []retrier
	Catch            []catcher

	Choices []rule
	Default string

	Seconds       *int
	SecondsPath   selector
	Timestamp     *time.Time
	TimestampPath selector

	Result json.RawMessage

	Error     string
	ErrorPath selector
	Cause     string
	CausePath selector

	Branches       []json.RawMessage
	ItemsPath      selector
	ItemSelector   template
	ItemProcessor  json.RawMessage
	MaxConcurrency int

	function  string // of a Task
	flows     []flow // of a Parallel, or the one of a Map
	withToken bool
}

type retrier struct {
	Comment         string
	ErrorEquals     []string
	IntervalSeconds *int
	MaxAttempts     *int
	BackoffRate     *float64
	MaxDelaySeconds int
	JitterStrategy  string
}

type catcher struct {
	Comment     string
	ErrorEquals []string
	ResultPath  setter
	Next        string
}

// The resources of a Task.
const (
	resourceInvoke      = "arn:aws:states:::lambda:invoke"
	resourceInvokeToken = "arn:aws:states:::lambda:invoke.waitForTaskToken"
)

// attempts is how often the state is tried again for this retrier.
func (r retrier) attempts() int {
	if r.MaxAttempts == nil {
		return defaultMaxAttempts
	}
	return *r.MaxAttempts
}

// delay is the time before try number n again (from 0); share is the part of it that is waited,
// drawn by the caller from [0, 1) where the jitter strategy is FULL.
func (r retrier) delay(n int, share float64) time.Duration {
	seconds, rate := float64(defaultIntervalSeconds), defaultBackoffRate
	if r.IntervalSeconds != nil {
		seconds = float64(*r.IntervalSeconds)
	}
	if r.BackoffRate != nil {
		rate = *r.BackoffRate
	}
	most := float64(365 * 24 * 60 * 60)
	if r.MaxDelaySeconds > 0 {
		most = float64(r.MaxDelaySeconds)
	}
	for range n {
		seconds = min(seconds*rate, most)
	}
	if r.JitterStrategy == "FULL" {
		seconds *= share
	}
	return time.Duration(min(seconds, most) * float64(time.Second))
}

// all gives every state of the flow and of the flows inside it, in the order of their names.
func (f flow) all() []*state {
	var out []*state
	for _, name := range slices.Sorted(maps.Keys(f.states)) {
		out = append(out, f.states[name])
		for _, inner := range f.states[name].flows {
			out = append(out, inner.all()...)
		}
	}
	return out
}

// Functions gives the names of the functions that the machine's tasks invoke. A name that the file
// writes as a CDK substitution, "${Name}", is Name.
func (m *Machine) Functions() []string {
	names := map[string]bool{}
	for _, s := range m.all() {
		if s.Type == "Task" {
			names[s.function] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Lint gives remarks on what is allowed and yet a trap, each with the state's name: tasks whose
// errors or time nobody bounds.
func (m *Machine) Lint() []string {
	var remarks []string
	for _, s := range m.all() {
		if s.Type != "Task" {
			continue
		}
		remark := func(format string, args ...any) {
			remarks = append(remarks, fmt.Sprintf("state %q: ", s.name)+fmt.Sprintf(format, args...))
		}
		if len(s.Retry) == 0 {
			remark("no Retry: a fault that passes ends it")
		}
		if !slices.ContainsFunc(s.Catch, func(c catcher) bool { return slices.Contains(c.ErrorEquals, ErrorAll) }) {
			remark("no Catch of %s: an error ends the execution without a word", ErrorAll)
		}
		if s.TimeoutSeconds == 0 {
			remark("no TimeoutSeconds: it may hang")
		}
	}
	return remarks
}

func functionName(text string) string {
	if name, ok := strings.CutPrefix(text, "${"); ok && strings.HasSuffix(name, "}") {
		return strings.TrimSuffix(name, "}")
	}
	return text
}
