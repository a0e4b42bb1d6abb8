package condition_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/condition"
)

func TestEvalReadsArgoRolloutsConditions(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	cases := []struct {
		src    string
		values []float64
		want   bool
	}{
		{"result > 0.5", []float64{0.6}, true},
		{"result > 0.5", []float64{0.5}, false},
		{"result[0] < 0.95", []float64{0.9}, true},
		{"result[0] < 0.95 && result[1] < 0.95", []float64{0.9, 0.96}, false},
		{"all(result, # < 1)", []float64{0.2, 0.9}, true},
		{"all(result, # < 1)", []float64{0.2, 1.9}, false},
		{"any(result, {# >= 1})", []float64{0.2, 1.9}, true},
		{"len(result) == 0 || result[0] < 1", nil, true},
		{"len(result) == 0 || result[0] < 1", []float64{2}, false},
		{"isNaN(result) || result < 0.01", []float64{nan}, true},
		{"isNaN(result) || result < 0.01", []float64{0.02}, false},
		{"isNaN(result[0])", []float64{nan}, true},
		{"isInf(result)", []float64{inf}, true},
		{"isInf(result)", []float64{-inf}, true},
		{"!isNil(result) && result <= 1", []float64{1}, true},
		{"isNil(result)", []float64{1}, false},
		{"default(result, 0) < 0.05", []float64{0.04}, true},
		{"asInt(result) > 3", []float64{3.9}, false},
		{"asFloat(result) > 3", []float64{3.9}, true},
		{`asFloat("0.5") < result`, []float64{0.6}, true},
		{"result >= 0.01 and result <= 0.02", []float64{0.015}, true},
	}
	for _, c := range cases {
		compiled, err := condition.Compile(c.src)
		if err != nil {
			t.Errorf("Compile(%q): %v", c.src, err)
			continue
		}
		if got, err := compiled.Eval(c.values); err != nil || got != c.want {
			t.Errorf("%s of %v = %v, %v; want %v", c.src, c.values, got, err, c.want)
		}
	}
}

func TestCompileRefusesWhatIsNoCondition(t *testing.T) {
	cases := map[string]string{
		"":                         "empty",
		" \n":                      "empty",
		"result >":                 "unexpected token",
		"result":                   "expected bool",
		"result + 1":               "expected bool",
		"result[0]":                "expected bool",
		"default(result, false)":   "expected bool",
		"resultt > 0.5":            "unknown name resultt",
		"resultt[0] > 0.5":         "unknown name resultt",
		"foo(result) > 1":          "unknown name foo",
		`result == "high"`:         "mismatched types",
		"true":                     "does not look at result",
		"1 < 2":                    "does not look at result",
		"now().Year() > result":    "unknown name now",
		"result > 0.5 and\nbogus":  "unknown name bogus (at 2:1 of the condition)",
		strings.Repeat("x", 5000):  "longer than",
		strings.Repeat("(", 4000):  "unexpected token",
		strings.Repeat("!", 4000):  "unexpected token",
		"result > 0.5; drop table": "unexpected",
	}
	for src, want := range cases {
		_, err := condition.Compile(src)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%.40q) = %v, want an error with %q", src, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("Compile(%.40q): the error has several lines: %q", src, err)
		}
	}
}

func TestEvalOfOneValueRefusesAnyOtherNumberOfSeries(t *testing.T) {
	c, err := condition.Compile("result < 1")
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]float64{nil, {0, 0}} {
		if _, err := c.Eval(values); !errors.Is(err, condition.ErrSeries) {
			t.Errorf("Eval(%v) = %v, want ErrSeries", values, err)
		}
	}
}

func TestEvalTellsWhatFailsOnlyWithTheValue(t *testing.T) {
	cases := map[string][]float64{
		"result[2] < 1":     {0},
		"asInt(result) > 1": {math.NaN()},
	}
	for src, values := range cases {
		c, err := condition.Compile(src)
		if err != nil {
			t.Fatalf("Compile(%q): %v", src, err)
		}
		if holds, err := c.Eval(values); err == nil || holds || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s of %v = %v, %v; want a one-line error", src, values, holds, err)
		}
	}
}

func TestAConditionKnowsWhatItMentions(t *testing.T) {
	cases := []struct {
		src              string
		nan, inf, vector bool
	}{
		{"result > 0.5", false, false, false},
		{"isNaN(result) || result > 0.5", true, false, false},
		{"isInf(result[0])", false, true, true},
		{`result > len("isNaN")`, false, false, false},
		{"none(result, isNaN(#) or isInf(#))", true, true, true},
	}
	for _, c := range cases {
		got, err := condition.Compile(c.src)
		if err != nil {
			t.Errorf("Compile(%q): %v", c.src, err)
			continue
		}
		if got.MentionsNaN() != c.nan || got.MentionsInf() != c.inf || got.Vector() != c.vector {
			t.Errorf("%s: NaN %v, Inf %v, vector %v", c.src, got.MentionsNaN(), got.MentionsInf(), got.Vector())
		}
		if got.String() != c.src {
			t.Errorf("String() = %q, want %q", got, c.src)
		}
	}
}

func FuzzCompileNeverPanics(f *testing.F) {
	for _, src := range []string{"result > 0.5", "all(result, # < 1)", "result[0]", "default(result, 1) < 2", "let x = result; x > 1"} {
		f.Add(src, 0.5)
	}
	f.Fuzz(func(t *testing.T, src string, value float64) {
		c, err := condition.Compile(src)
		if err != nil {
			return
		}
		_, _ = c.Eval([]float64{value})
		_, _ = c.Eval(nil)
	})
}
