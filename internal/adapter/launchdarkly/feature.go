package launchdarkly

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// raw is JSON that only has to stay as it is.
type raw = json.RawMessage

// feature is a flag in one environment, as far as it decides what callers get. Its JSON is the
// before-image.
type feature struct {
	Variations     []variation `json:"variations"`
	On             bool        `json:"on"`           // is targeting on?
	OffVariation   *int        `json:"offVariation"` // served while it is off; nil is the default in the callers' code
	Fallthrough    served      `json:"fallthrough"`  // served where no target and no rule fits
	Targets        []raw       `json:"targets"`
	ContextTargets []raw       `json:"contextTargets"`
	Rules          []raw       `json:"rules"`
	Prerequisites  []raw       `json:"prerequisites"`
}

// variation is one of the values that a flag can have.
type variation struct {
	ID    string `json:"_id"`
	Name  string `json:"name"`
	Value raw    `json:"value"`
}

// served is one variation, or several by share.
type served struct {
	Variation *int `json:"variation,omitempty"`
	Rollout   raw  `json:"rollout,omitempty"`
}

// found is a feature as LaunchDarkly answers with it.
type found struct {
	key      string
	version  int // of the environment's configuration
	modified time.Time
	feature
}

// representation is LaunchDarkly's JSON of a flag.
type representation struct {
	Key          string
	Variations   []variation
	Environments map[string]*struct {
		feature
		Version      int
		LastModified int64 // milliseconds
	}
}

// in gives the flag as it is in an environment.
func (r representation) in(environment string) (found, error) {
	e := r.Environments[environment]
	if e == nil {
		return found{}, fmt.Errorf("%w: flag %s is not in environment %s", flag.ErrInvalid, r.Key, environment)
	}
	f := found{key: r.Key, version: e.Version, feature: e.feature}
	f.Variations = r.Variations
	if e.LastModified > 0 {
		f.modified = time.UnixMilli(e.LastModified).UTC()
	}
	return f, nil
}

// definition says what a flag means to callers.
func (f found) definition() (flag.Definition, error) {
	image, err := flagapi.Image(f.feature)
	if err != nil {
		return flag.Definition{}, err
	}
	d := flag.Definition{
		Key: f.key, Raw: image, Version: strconv.Itoa(f.version), Modified: f.modified,
		Variants: slices.Sorted(slices.Values(f.names())),
	}
	if !f.On && f.OffVariation != nil {
		d.Enabled, d.Serving = true, f.name(*f.OffVariation)
		return d, nil
	}
	serving, shared := f.Fallthrough.most()
	d.Enabled, d.Serving, d.Targeted = f.On, f.name(serving), shared || f.targeted()
	return d, nil
}

func (f feature) targeted() bool {
	return len(f.Targets)+len(f.ContextTargets)+len(f.Rules)+len(f.Prerequisites) > 0
}

// most gives the variation with the largest share, and whether others have one too.
func (s served) most() (index int, shared bool) {
	if s.Variation != nil {
		return *s.Variation, false
	}
	var rollout struct {
		Variations []struct{ Variation, Weight int }
	}
	_ = json.Unmarshal(s.Rollout, &rollout) // one that is not understood serves none that has a name
	index, largest, shares := -1, 0, 0
	for _, v := range rollout.Variations {
		if v.Weight > largest {
			index, largest = v.Variation, v.Weight
		}
		if v.Weight > 0 {
			shares++
		}
	}
	return index, shares != 1
}

// names gives the variations' names, by index: the name that people gave it, else its value.
func (f feature) names() []string {
	names := make([]string, 0, len(f.Variations))
	for i, v := range f.Variations {
		name := v.Name
		if name == "" || slices.Contains(names, name) {
			name = v.text()
		}
		if slices.Contains(names, name) {
			name = "variation " + strconv.Itoa(i)
		}
		names = append(names, name)
	}
	return names
}

func (f feature) name(index int) string {
	if names := f.names(); index >= 0 && index < len(names) {
		return names[index]
	}
	return ""
}

// text is a variation's value: a text as it is, anything else as JSON.
func (v variation) text() string {
	var s string
	if json.Unmarshal(v.Value, &s) == nil {
		return s
	}
	return string(flag.Canonical(v.Value))
}

// killed gives the flag with targeting off and the safe variation served.
func (f feature) killed(key, safe string) (feature, error) {
	index := slices.Index(f.names(), safe)
	if index < 0 {
		return feature{}, fmt.Errorf("%w: flag %q has no %q, it has %s", flag.ErrNoVariant, key, safe, flag.Listing(f.names()))
	}
	f.On, f.OffVariation = false, &index
	return f, nil
}

// same compares two features by content.
func (f feature) same(other feature) bool { return flagapi.Same(f, other) }

// decode reads a before-image.
func decode(d flag.Definition) (feature, error) {
	var f feature
	if err := json.Unmarshal(d.Raw, &f); err != nil {
		return feature{}, fmt.Errorf("%w: the image of flag %s is not understood: %w", flag.ErrInvalid, d.Key, err)
	}
	return f, nil
}
