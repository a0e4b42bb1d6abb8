package workflow

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func value(t *testing.T, raw string) any {
	t.Helper()
	var v any
	if err := decode([]byte(raw), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAPathNamesOneValue(t *testing.T) {
	data := value(t, `{"a":{"b":[1,{"c":"x"}],"null":null},"with space":{"é-1":2},"big":12345678901234567890}`)
	env := func() any { return map[string]any{"State": map[string]any{"Name": "S"}} }
	for text, want := range map[string]string{
		"$.a.b[1].c":                  `"x"`,
		"$.a.b[0]":                    `1`,
		"$['a']['b'][0]":              `1`,
		"$['with space'].é-1":         `2`,
		"$.a.null":                    `null`,
		"$.big":                       `12345678901234567890`,
		"$$.State.Name":               `"S"`,
		"$.a.b[2]":                    "nothing",
		"$.a.x":                       "nothing",
		"$.a.b.c":                     "nothing",
		"$.a[0]":                      "nothing",
		"$.a.null.x":                  "nothing",
		"$.a.b[1].c.x":                "nothing",
		"$$.Nothing":                  "nothing",
		"$.a.b[99999999999]":          "nothing",
		"$.a.b[99999999999999999999]": "refused",
		"$.":                          "refused",
		"$.a.":                        "refused",
		"$a":                          "refused",
		"$[":                          "refused",
		"$[-1]":                       "refused",
		"$['a":                        "refused",
		"$['']":                       "refused",
		"$.a[0:1]":                    "refused",
		"$.a[?(@.b)]":                 "refused",
		"":                            "refused",
	} {
		p, err := parsePath(text)
		if err != nil {
			if want != "refused" {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		got, ok := p.get(data, env)
		if !ok && want == "nothing" {
			continue
		}
		if !ok || encode(t, got) != want {
			t.Errorf("%s = %v, %t, want %s", text, got, ok, want)
		}
	}
}

func TestAResultIsPutInWithoutChangingTheData(t *testing.T) {
	for _, tt := range []struct{ path, data, want string }{
		{`"$"`, `{"a":1}`, `9`},
		{`null`, `{"a":1}`, `{"a":1}`},
		{`"$.a"`, `{"a":1,"b":2}`, `{"a":9,"b":2}`},
		{`"$.x.y"`, `{"a":1}`, `{"a":1,"x":{"y":9}}`},
		{`"$.a.y"`, `{"a":{"z":1}}`, `{"a":{"y":9,"z":1}}`},
		{`"$.a.y"`, `{"a":1}`, "States.ResultPathMatchFailure"},
		{`"$.a"`, `[1]`, "States.ResultPathMatchFailure"},
	} {
		var s setter
		if err := json.Unmarshal([]byte(tt.path), &s); err != nil {
			t.Fatal(err)
		}
		data := value(t, tt.data)
		got, err := s.apply(data, json.Number("9"))
		var failure *Failure
		if errors.As(err, &failure) {
			if failure.Name != tt.want {
				t.Errorf("%s into %s: %v, want %s", tt.path, tt.data, err, tt.want)
			}
			continue
		}
		if encode(t, got) != tt.want {
			t.Errorf("%s into %s = %s, want %s", tt.path, tt.data, encode(t, got), tt.want)
		}
		if encode(t, data) != tt.data {
			t.Errorf("%s into %s changed the data to %s", tt.path, tt.data, encode(t, data))
		}
	}
}

func TestATemplateIsFilledAllTheWayDown(t *testing.T) {
	var tpl template
	if err := json.Unmarshal([]byte(`{"id.$":"$.id","n":1.50,"in":{"name.$":"$$.Name","list":[{"x.$":"$.l[0]"},"$.id"]}}`), &tpl); err != nil {
		t.Fatal(err)
	}
	env := func() any { return map[string]any{"Name": "e1"} }
	got, err := tpl.fill(value(t, `{"id":"i","l":[7]}`), env)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"i","in":{"list":[{"x":7},"$.id"],"name":"e1"},"n":1.50}`
	if diff := cmp.Diff(want, encode(t, got)); diff != "" {
		t.Errorf("filled (-want +got):\n%s", diff)
	}
	_, err = tpl.fill(value(t, `{"id":"i"}`), env)
	var failure *Failure
	if !errors.As(err, &failure) || failure.Name != ErrorParameterPath {
		t.Errorf("filled from data that lacks a value: %v, want %s", err, ErrorParameterPath)
	}
}

func TestChoiceRules(t *testing.T) {
	data := value(t, `{"s":"abc","star":"a*c","n":2,"f":2.5,"t":true,"z":null,"at":"2026-11-22T10:00:00Z","same":"abc","two":2.0,"later":"2026-11-22T11:00:00+00:30","no":false}`)
	for text, want := range map[string]string{
		`"Variable":"$.s","StringEquals":"abc"`:                                                "true",
		`"Variable":"$.s","StringEquals":"abd"`:                                                "false",
		`"Variable":"$.n","StringEquals":"2"`:                                                  "false",
		`"Variable":"$.s","StringEqualsPath":"$.same"`:                                         "true",
		`"Variable":"$.s","StringLessThan":"abd"`:                                              "true",
		`"Variable":"$.s","StringGreaterThanEquals":"abc"`:                                     "true",
		`"Variable":"$.s","StringMatches":"a*"`:                                                "true",
		`"Variable":"$.s","StringMatches":"*b*"`:                                               "true",
		`"Variable":"$.s","StringMatches":"a*b"`:                                               "false",
		`"Variable":"$.s","StringMatches":"ab*bc"`:                                             "false",
		`"Variable":"$.s","StringMatches":"*"`:                                                 "true",
		`"Variable":"$.s","StringMatches":""`:                                                  "false",
		`"Variable":"$.s","StringMatches":"a\\*c"`:                                             "false",
		`"Variable":"$.star","StringMatches":"a\\*c"`:                                          "true",
		`"Variable":"$.n","NumericEquals":2.0`:                                                 "true",
		`"Variable":"$.n","NumericLessThan":2`:                                                 "false",
		`"Variable":"$.f","NumericGreaterThan":2`:                                              "true",
		`"Variable":"$.n","NumericLessThanEquals":2`:                                           "true",
		`"Variable":"$.n","NumericGreaterThanEqualsPath":"$.two"`:                              "true",
		`"Variable":"$.s","NumericEquals":2`:                                                   "false",
		`"Variable":"$.t","BooleanEquals":true`:                                                "true",
		`"Variable":"$.no","BooleanEqualsPath":"$.t"`:                                          "false",
		`"Variable":"$.at","TimestampEquals":"2026-11-22T11:00:00+01:00"`:                      "true",
		`"Variable":"$.at","TimestampLessThanPath":"$.later"`:                                  "true",
		`"Variable":"$.s","TimestampLessThan":"2026-11-22T11:00:00Z"`:                          "false",
		`"Variable":"$.x","IsPresent":true`:                                                    "false",
		`"Variable":"$.x","IsPresent":false`:                                                   "true",
		`"Variable":"$.z","IsPresent":true`:                                                    "true",
		`"Variable":"$.z","IsNull":true`:                                                       "true",
		`"Variable":"$.s","IsNull":true`:                                                       "false",
		`"Variable":"$.s","IsString":true`:                                                     "true",
		`"Variable":"$.n","IsNumeric":true`:                                                    "true",
		`"Variable":"$.n","IsBoolean":false`:                                                   "true",
		`"Variable":"$.at","IsTimestamp":true`:                                                 "true",
		`"Variable":"$.x","StringEquals":"a"`:                                                  ErrorRuntime,
		`"Variable":"$.s","StringEqualsPath":"$.x"`:                                            ErrorRuntime,
		`"Not":{"Variable":"$.s","StringEquals":"abc"}`:                                        "false",
		`"And":[{"Variable":"$.t","BooleanEquals":true},{"Variable":"$.n","NumericEquals":3}]`: "false",
		`"And":[{"Variable":"$.t","BooleanEquals":true},{"Variable":"$.n","NumericEquals":2}]`: "true",
		`"And":[{"Variable":"$.t","BooleanEquals":false},{"Variable":"$.x","IsNull":true}]`:    "false",
		`"Or":[{"Variable":"$.t","BooleanEquals":false},{"Variable":"$.n","NumericEquals":2}]`: "true",
		`"Or":[{"Variable":"$.t","BooleanEquals":false},{"Variable":"$.n","NumericEquals":3}]`: "false",
		`"Or":[{"Variable":"$.t","BooleanEquals":true},{"Variable":"$.x","IsNull":true}]`:      "true",
		`"Not":{"Or":[{"Variable":"$.x","IsNull":true}]}`:                                      ErrorRuntime,
	} {
		var r rule
		if err := json.Unmarshal([]byte("{"+text+"}"), &r); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		holds, err := r.holds(data, func() any { return nil })
		got := encode(t, holds)
		var failure *Failure
		if errors.As(err, &failure) {
			got = failure.Name
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestErrorNamesMatchAsOnAWS(t *testing.T) {
	for _, tt := range []struct {
		name, pattern string
		want          bool
	}{
		{"Custom", "Custom", true},
		{"Custom", "custom", false},
		{"Custom", ErrorAll, true},
		{"Custom", ErrorTaskFailed, true},
		{ErrorTimeout, ErrorAll, true},
		{ErrorTimeout, ErrorTaskFailed, false},
		{ErrorHeartbeatTimeout, ErrorTimeout, true},
		{ErrorTimeout, ErrorHeartbeatTimeout, false},
		{ErrorRuntime, ErrorAll, false},
		{ErrorRuntime, ErrorRuntime, true},
		{ErrorDataLimit, ErrorAll, false},
		{ErrorParameterPath, ErrorAll, true},
	} {
		if got := (&Failure{Name: tt.name}).matches([]string{"Other", tt.pattern}); got != tt.want {
			t.Errorf("%s matches %s: %t, want %t", tt.pattern, tt.name, got, tt.want)
		}
	}
}
