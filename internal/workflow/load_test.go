package workflow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/cdk/asl"
)

// machineOf gives a machine of the states, which begins at A.
func machineOf(states string) string { return `{"StartAt":"A","States":{` + states + `}}` }

func mustLoad(t *testing.T, file string) *Machine {
	t.Helper()
	m, err := Load([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const invoke = `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload.$":"$"}`

func TestLoadRefusesAndSaysWhere(t *testing.T) {
	task := func(more string) string { return machineOf(`"A":{` + invoke + `,"End":true,` + more + `}`) }
	choice := func(rules string) string {
		return machineOf(`"A":{"Type":"Choice","Choices":[` + rules + `],"Default":"B"},"B":{"Type":"Succeed"}`)
	}
	for name, tt := range map[string]struct{ file, want string }{
		"nothing":                     {``, "EOF"},
		"no JSON":                     {`StartAt: A`, "invalid character"},
		"a list":                      {`[]`, "cannot unmarshal"},
		"something after the end":     {machineOf(`"A":{"Type":"Succeed"}`) + `{}`, "follows the end"},
		"a top field unknown":         {`{"StartAt":"A","States":{"A":{"Type":"Succeed"}},"Owner":"me"}`, `"Owner"`},
		"another version":             {`{"Version":"2.0","StartAt":"A","States":{"A":{"Type":"Succeed"}}}`, `version "2.0"`},
		"JSONata":                     {`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed"}}}`, "JSONata"},
		"JSONata in a state":          {machineOf(`"A":{"Type":"Succeed","QueryLanguage":"JSONata"}`), `state "A": query language "JSONata"`},
		"no states":                   {`{"StartAt":"A"}`, `StartAt "A"`},
		"no StartAt":                  {`{"States":{"A":{"Type":"Succeed"}}}`, `StartAt ""`},
		"a state twice":               {machineOf(`"A":{"Type":"Succeed"},"A":{"Type":"Fail"}`), `"A" stands twice`},
		"a state without type":        {machineOf(`"A":{"End":true}`), `state "A": field Type`},
		"an unknown type":             {machineOf(`"A":{"Type":"Activity"}`), `state "A": type "Activity"`},
		"an unknown field":            {task(`"Credentials":{}`), `state "A": field Credentials`},
		"a field of another type":     {machineOf(`"A":{"Type":"Succeed","Next":"A"}`), `state "A": field Next is not supported in a Succeed`},
		"a field in lower case":       {machineOf(`"A":{"Type":"Pass","end":true}`), `state "A": field end`},
		"next and end":                {task(`"Next":"A"`), `state "A": exactly one of Next and End`},
		"neither next nor end":        {machineOf(`"A":{"Type":"Pass"}`), `state "A": exactly one of Next and End`},
		"a next that is not there":    {machineOf(`"A":{"Type":"Pass","Next":"Z"}`), `state "A": next state "Z"`},
		"a catch that is not there":   {task(`"Catch":[{"ErrorEquals":["X"],"Next":"Z"}]`), `state "A": next state "Z"`},
		"a default that is not there": {machineOf(`"A":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"A"}],"Default":"Z"}`), `next state "Z"`},
		"a state nothing leads to":    {machineOf(`"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}`), `state "B": nothing leads to it`},
		"another resource": {
			machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Parameters":{"FunctionName":"f"},"End":true}`),
			`state "A": resource "arn:aws:states:::sqs:sendMessage"`,
		},
		"another parameter": {
			machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Qualifier":"1"},"End":true}`),
			"Parameters.Qualifier",
		},
		"no function": {
			machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"Payload":{}},"End":true}`),
			"Parameters.FunctionName",
		},
		"a token that is not handed on": {
			machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"f"},"End":true}`),
			"$$.Task.Token",
		},
		"a heartbeat without token": {task(`"HeartbeatSeconds":3`), "HeartbeatSeconds"},
		"a timeout by path":         {task(`"TimeoutSecondsPath":"$.t"`), "field TimeoutSecondsPath"},
		"an intrinsic function":     {task(`"ResultSelector":{"x.$":"States.Format('{}', $.a)"}`), "intrinsic functions"},
		"a path field without path": {task(`"ResultSelector":{"x.$":3}`), "a path must follow"},
		"a name given twice":        {task(`"ResultSelector":{"x.$":"$.a","x":1}`), "x and x.$"},
		"a wildcard":                {task(`"OutputPath":"$.a[*]"`), `field OutputPath: path "$.a[*]"`},
		"a descent":                 {task(`"OutputPath":"$..a"`), `path "$..a"`},
		"a path without dollar":     {task(`"InputPath":"a"`), `path "a" does not begin`},
		"a path that is a number":   {task(`"InputPath":1`), "a path must be a string"},
		"a result into the context": {task(`"ResultPath":"$$.x"`), "ResultPath $$.x"},
		"a result into an array":    {task(`"ResultPath":"$.x[0]"`), "ResultPath $.x[0]"},
		"a retry of nothing":        {task(`"Retry":[{"MaxAttempts":1}]`), "Retry[0]: ErrorEquals"},
		"a retry field unknown":     {task(`"Retry":[{"ErrorEquals":["X"],"Attempts":1}]`), "Attempts"},
		"all not alone":             {task(`"Retry":[{"ErrorEquals":["States.ALL","X"]}]`), "must stand alone"},
		"all not last":              {task(`"Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["X"]}]`), "last place"},
		"a rate below one":          {task(`"Retry":[{"ErrorEquals":["X"],"BackoffRate":0.5}]`), "BackoffRate"},
		"an interval of zero":       {task(`"Retry":[{"ErrorEquals":["X"],"IntervalSeconds":0}]`), "IntervalSeconds"},
		"negative attempts":         {task(`"Retry":[{"ErrorEquals":["X"],"MaxAttempts":-1}]`), "MaxAttempts"},
		"a jitter unknown":          {task(`"Retry":[{"ErrorEquals":["X"],"JitterStrategy":"HALF"}]`), "HALF"},
		"a catch that leads nowhere": {
			task(`"Catch":[{"ErrorEquals":["X"]}]`), "Catch[0] has no Next",
		},
		"a catch with a field unknown": {task(`"Catch":[{"ErrorEquals":["X"],"Next":"A","Output":"$"}]`), "Output"},
		"no choices":                   {machineOf(`"A":{"Type":"Choice","Choices":[],"Default":"A"}`), "Choices is missing"},
		"a rule that leads nowhere":    {choice(`{"Variable":"$.x","IsNull":true}`), "Choices[0] has no Next"},
		"an inner rule that leads": {
			choice(`{"Not":{"Variable":"$.x","IsNull":true,"Next":"B"},"Next":"B"}`), "only the outermost",
		},
		"an unknown operator":      {choice(`{"Variable":"$.x","StringContains":"a","Next":"B"}`), "StringContains: unknown operator"},
		"an operator of two kinds": {choice(`{"Variable":"$.x","NumericMatches":1,"Next":"B"}`), "NumericMatches"},
		"two operators":            {choice(`{"Variable":"$.x","IsNull":true,"IsPresent":true,"Next":"B"}`), "one operator"},
		"no operator":              {choice(`{"Variable":"$.x","Next":"B"}`), "one operator"},
		"a rule of nothing":        {choice(`{"Next":"B"}`), "one of Variable, And, Or, Not"},
		"an empty And":             {choice(`{"And":[],"Next":"B"}`), "And needs at least one"},
		"a text for a number":      {choice(`{"Variable":"$.x","NumericEquals":"1","Next":"B"}`), "is no numeric"},
		"a matcher by path":        {choice(`{"Variable":"$.x","StringMatchesPath":"$.y","Next":"B"}`), "StringMatchesPath"},
		"a wait for nothing":       {machineOf(`"A":{"Type":"Wait","End":true}`), "exactly one of Seconds"},
		"a wait for two things":    {machineOf(`"A":{"Type":"Wait","Seconds":1,"SecondsPath":"$.x","End":true}`), "exactly one of Seconds"},
		"a negative wait":          {machineOf(`"A":{"Type":"Wait","Seconds":-1,"End":true}`), "Seconds is negative"},
		"two causes":               {machineOf(`"A":{"Type":"Fail","Cause":"x","CausePath":"$.x"}`), "exclude each other"},
		"no branches":              {machineOf(`"A":{"Type":"Parallel","End":true}`), "Branches is missing"},
		"a mistake in a branch": {
			machineOf(`"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"X","States":{"X":{"Type":"Pass"}}}]}`),
			`state "A": flow 0: state "X": exactly one of`,
		},
		"a distributed map": {
			machineOf(`"A":{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED"},"StartAt":"X","States":{"X":{"Type":"Succeed"}}}}`),
			"DISTRIBUTED",
		},
		"the old map":        {machineOf(`"A":{"Type":"Map","End":true,"Iterator":{}}`), "field Iterator"},
		"far too deep JSON":  {machineOf(`"A":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), "nested too deeply"},
		"a number for a map": {machineOf(`"A":3`), `state "A"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load([]byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load: %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestLoadReportsEveryMistakeAtOnce(t *testing.T) {
	_, err := Load([]byte(machineOf(`"A":{"Type":"Pass","Color":1},"B":{"Type":"Waiting"},"C":{"Type":"Wait","Seconds":"x","Next":"D"}`)))
	for _, want := range []string{`state "A": field Color`, `state "B": type "Waiting"`, `state "C": field Seconds`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestFunctionsAreNamedWithoutTheirSubstitution(t *testing.T) {
	task := func(name, next string) string {
		return fmt.Sprintf(`{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":%q},%s}`, name, next)
	}
	m := mustLoad(t, machineOf(`"A":`+task("${JudgeFunction}", `"Next":"B"`)+`,"B":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"X","States":{"X":`+task("plain", `"End":true`)+`}}]}`))
	if diff := cmp.Diff([]string{"JudgeFunction", "plain"}, m.Functions()); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	if _, err := New("m", m, nil, map[string]Function{"plain": nil}, Options{}); err == nil || !strings.Contains(err.Error(), "JudgeFunction") {
		t.Errorf("New without the function: %v, want an error that names it", err)
	}
}

func TestLintTellsTrapsByState(t *testing.T) {
	m := mustLoad(t, machineOf(`"A":{`+invoke+`,"Next":"B"},
		"B":{`+invoke+`,"TimeoutSeconds":1,"Retry":[{"ErrorEquals":["X"]}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}],"Next":"C"},
		"C":{`+invoke+`,"TimeoutSeconds":1,"Retry":[{"ErrorEquals":["X"]}],"Catch":[{"ErrorEquals":["Y"],"Next":"B"}],"End":true}`))
	want := []string{
		`state "A": no Retry: a fault that passes ends it`,
		`state "A": no Catch of States.ALL: an error ends the execution without a word`,
		`state "A": no TimeoutSeconds: it may hang`,
		`state "C": no Catch of States.ALL: an error ends the execution without a word`,
	}
	if diff := cmp.Diff(want, m.Lint()); diff != "" {
		t.Errorf("remarks (-want +got):\n%s", diff)
	}
}

func TestTheRemediationMachineLoadsAndLintsClean(t *testing.T) {
	m := mustLoad(t, string(asl.Remediation))
	if remarks := m.Lint(); len(remarks) > 0 {
		t.Errorf("remarks:\n%s", strings.Join(remarks, "\n"))
	}
	if len(m.Functions()) == 0 {
		t.Error("it invokes no function")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(asl.Remediation)
	f.Add([]byte(machineOf(`"A":{"Type":"Succeed"}`)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Load(raw)
		if err == nil && m.states[m.start] == nil {
			t.Error("a machine without its first state was accepted")
		}
	})
}
