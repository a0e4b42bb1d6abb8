package backtest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// Sweep is one field of the gates with the values that are lined up.
type Sweep struct {
	Field  string
	Values []string
}

// mostSettings bounds what several sweeps multiply to.
const mostSettings = 64

// AsInPolicy is the name of the setting that changes nothing.
const AsInPolicy = "as in policy"

// Setting is the policy's gates with some fields set otherwise.
type Setting struct {
	Name   string // as "tolerance 25%, alpha 1%"; the first of all settings is AsInPolicy
	policy *policy.Policy
}

// ParseSweep reads FIELD=a,b,c; the error says what may stand there.
func ParseSweep(text string) (Sweep, error) {
	field, list, ok := strings.Cut(text, "=")
	s := Sweep{Field: strings.TrimSpace(field)}
	set, known := fields()[s.Field]
	if !ok || !known {
		return s, fmt.Errorf("sweep %q: write FIELD=a,b,c with one of %s", text, strings.Join(slices.Sorted(maps.Keys(fields())), ", "))
	}
	for value := range strings.SplitSeq(list, ",") {
		value = strings.TrimSpace(value)
		if err := set(new(policy.Gate{Bad: "x", Total: "x", Tolerance: new(policy.Percent)}), value); err != nil {
			return s, fmt.Errorf("sweep %s: %w", s.Field, err)
		}
		if slices.Contains(s.Values, value) {
			return s, fmt.Errorf("sweep %s: %s stands there twice", s.Field, value)
		}
		s.Values = append(s.Values, value)
	}
	return s, nil
}

// fields are the fields that can be swept, each with how it is set. A gate of which the field means
// nothing stays as it is.
func fields() map[string]func(g *policy.Gate, value string) error {
	return map[string]func(*policy.Gate, string) error{
		"tolerance": func(g *policy.Gate, value string) error {
			return percent(g.Counts(), &g.Tolerance, value, 100)
		},
		"max": func(g *policy.Gate, value string) error { return percent(g.Counts(), &g.Max, value, 1) },
		"alpha": func(g *policy.Gate, value string) error {
			if err := percent(g.Tolerance != nil, &g.Alpha, value, 0.2); err != nil {
				return err
			}
			if g.Tolerance != nil && *g.Alpha == 0 {
				return errors.New("0% is no bound to work with: write one above it, as 5%")
			}
			return nil
		},
		"min":            func(g *policy.Gate, value string) error { return percent(g.Tolerance != nil, &g.Min, value, 1) },
		"failureLimit":   func(g *policy.Gate, value string) error { return whole(true, &g.FailureLimit, value, -1) },
		"minSampleCount": func(g *policy.Gate, value string) error { return whole(g.Counts(), &g.MinSampleCount, value, 1) },
		"window": func(g *policy.Gate, value string) error {
			if err := g.Window.UnmarshalText([]byte(value)); err != nil {
				return err
			}
			if g.Window <= 0 {
				return errors.New("a window is longer than nothing: write one like 1m")
			}
			return nil
		},
	}
}

func percent(means bool, into **policy.Percent, value string, most policy.Percent) error {
	var p policy.Percent
	if err := p.UnmarshalText([]byte(value)); err != nil {
		return err
	}
	if p > most {
		return fmt.Errorf("%s is too much: write up to %s", value, most)
	}
	if means {
		*into = &p
	}
	return nil
}

func whole(means bool, into **int, value string, least int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < least {
		return fmt.Errorf("%q is not a whole number from %d", value, least)
	}
	if means {
		*into = &n
	}
	return nil
}

// settings are the policy as it is, and then every combination of the sweeps' values that differs
// from it.
func settings(p *policy.Policy, sweeps []Sweep) ([]Setting, error) {
	combined := []Setting{{policy: p}}
	for i, s := range sweeps {
		if slices.ContainsFunc(sweeps[:i], func(o Sweep) bool { return o.Field == s.Field }) {
			return nil, fmt.Errorf("sweep %s stands there twice: give all its values in one", s.Field)
		}
		var next []Setting
		for _, before := range combined {
			for _, value := range s.Values {
				one, err := before.with(s.Field, value)
				if err != nil {
					return nil, err
				}
				next = append(next, one)
			}
		}
		if combined = next; len(combined) > mostSettings {
			return nil, fmt.Errorf("the sweeps come to more than %d settings: sweep fewer values at once", mostSettings)
		}
	}
	all := []Setting{{Name: AsInPolicy, policy: p}}
	for _, s := range combined {
		if len(sweeps) > 0 && !reflect.DeepEqual(s.policy.Gates, p.Gates) {
			all = append(all, s)
		}
	}
	if len(sweeps) > 0 && len(all) == 1 && len(combined) > 1 {
		return nil, fmt.Errorf("sweep %s: it means nothing in any gate of the policy", sweeps[0].Field)
	}
	return all, nil
}

// with is the setting with one field set in every gate that has it.
func (s Setting) with(field, value string) (Setting, error) {
	next := *s.policy
	next.Gates = make(map[string]policy.Gate, len(s.policy.Gates))
	for name, g := range s.policy.Gates {
		if err := fields()[field](&g, value); err != nil {
			return Setting{}, fmt.Errorf("sweep %s: %w", field, err)
		}
		next.Gates[name] = g
	}
	name := field + " " + value
	if s.Name != "" {
		name = s.Name + ", " + name
	}
	return Setting{Name: name, policy: &next}, nil
}

// gate is a gate as the setting has it.
func (s Setting) gate(name string) health.Gate { return health.GatesOf(s.policy, []string{name})[0] }

// changes tells whether the setting has one of the gates otherwise than another setting.
func (s Setting) changes(from Setting, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return !reflect.DeepEqual(s.policy.Gates[name], from.policy.Gates[name])
	})
}
