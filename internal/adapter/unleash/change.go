package unleash

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cinegit/guardian/internal/flag"
)

// title marks a strategy as Guardian's for people.
const title = "Guardian: safe variant for everybody"

// change is what makes a feature safe, or takes that back.
type change struct {
	add     *strategy // put first; nil for none
	enabled bool      // what the flag is afterwards
}

// kill says how every caller comes to get the safe variant.
func (f feature) kill(key, safe string) (change, error) {
	if !slices.Contains(f.names(), safe) {
		return change{}, f.unknownVariant(key, safe)
	}
	if safe == off && f.switchable() {
		return change{enabled: false}, nil
	}
	if len(f.Dependencies) > 0 {
		return change{}, fmt.Errorf("%w: flag %q depends on another flag, so that %q cannot be served to everybody", flag.ErrInvalid, key, safe)
	}
	s := strategy{
		Name: "flexibleRollout", Title: title, SortOrder: f.first() - 1,
		Parameters:  map[string]string{"rollout": "100", "stickiness": "default", "groupId": key},
		Constraints: []raw{}, Segments: []raw{}, Variants: []variant{},
	}
	if v, own := f.variants()[safe]; own {
		s.Variants = []variant{{Name: safe, Weight: 1000, WeightType: "variable", Stickiness: "default", Payload: v.Payload}}
	}
	return change{add: &s, enabled: true}, nil
}

// first is the lowest place in the order of strategies.
func (f feature) first() int {
	lowest := 0
	for _, s := range f.Strategies {
		lowest = min(lowest, s.SortOrder)
	}
	return lowest
}

// stage tells how much of a change has been made of a feature.
type stage int

const (
	untouched stage = iota // nothing
	added                  // the strategy stands and the flag is not switched yet
	landed                 // everything
	foreign                // somebody else changed the flag
)

// stageOf compares what was with what is. The strategy that was added is own.
func (c change) stageOf(before, now feature) (s stage, own string) {
	rest, own := now.without(before)
	if own != "" && (c.add == nil || !c.add.serves(now.Strategies[0]) || now.Strategies[0].ID != own) {
		return foreign, ""
	}
	switched := rest.Enabled == c.enabled
	rest.Enabled = before.Enabled
	if !rest.same(before) {
		return foreign, own
	}
	complete := (c.add == nil) == (own == "")
	switch {
	case complete && switched:
		return landed, own
	case c.add != nil && own == "" && now.Enabled == before.Enabled:
		return untouched, ""
	case c.add == nil && now.Enabled == before.Enabled:
		return untouched, ""
	case complete && now.Enabled == before.Enabled:
		return added, own
	}
	return foreign, own
}

// without takes the one strategy out that was not there before; none or several are left.
func (f feature) without(before feature) (rest feature, own string) {
	isNew := func(s strategy) bool {
		return !slices.ContainsFunc(before.Strategies, func(b strategy) bool { return b.ID == s.ID })
	}
	rest = f
	rest.Strategies = slices.DeleteFunc(slices.Clone(f.Strategies), isNew)
	if len(rest.Strategies) != len(f.Strategies)-1 {
		return f, ""
	}
	return rest, f.Strategies[slices.IndexFunc(f.Strategies, isNew)].ID
}

// serves tells whether a strategy on the server does what this one is for.
func (s strategy) serves(other strategy) bool {
	if other.Title != title || other.Disabled || !other.everybody() || len(other.Variants) != len(s.Variants) {
		return false
	}
	return len(s.Variants) == 0 || other.Variants[0].Name == s.Variants[0].Name
}

// decode reads a before-image.
func decode(d flag.Definition) (feature, error) {
	var f feature
	if err := json.Unmarshal(d.Raw, &f); err != nil {
		return feature{}, fmt.Errorf("%w: the image of flag %s is not understood: %w", flag.ErrInvalid, d.Key, err)
	}
	return f, nil
}
