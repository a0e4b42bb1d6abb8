package unleash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// The variants of a flag that has none of its own: enabled or not.
const (
	on  = "on"
	off = "off"
)

// feature is a flag in one environment, as far as it decides what callers get. Its JSON is the
// before-image.
type feature struct {
	Enabled      bool       `json:"enabled"`
	Strategies   []strategy `json:"strategies"` // in the order in which they are asked
	Variants     []variant  `json:"variants"`   // of the environment: for strategies without variants
	Dependencies []raw      `json:"dependencies"`
}

// raw is JSON that only has to stay as it is.
type raw = json.RawMessage

// strategy is one activation strategy. It keeps the server's own JSON of it.
type strategy struct {
	ID          string            `json:"id,omitempty"`
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Disabled    bool              `json:"disabled"`
	SortOrder   int               `json:"sortOrder"`
	Parameters  map[string]string `json:"parameters"`
	Constraints []raw             `json:"constraints"`
	Segments    []raw             `json:"segments"`
	Variants    []variant         `json:"variants"`

	kept raw
}

// variant is one variant of a strategy or of an environment.
type variant struct {
	Name       string `json:"name"`
	Weight     int    `json:"weight"` // of 1000
	WeightType string `json:"weightType"`
	Stickiness string `json:"stickiness"`
	Payload    raw    `json:"payload,omitempty"`
	Overrides  []raw  `json:"overrides,omitempty"`
}

type plainStrategy strategy

// UnmarshalJSON keeps what it reads.
func (s *strategy) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*plainStrategy)(s)); err != nil {
		return err
	}
	s.kept = bytes.Clone(data)
	return nil
}

// MarshalJSON gives what was read, or a strategy of our own.
func (s strategy) MarshalJSON() ([]byte, error) {
	if s.kept != nil {
		return s.kept, nil
	}
	return json.Marshal(plainStrategy(s))
}

// same compares two features by content.
func (f feature) same(other feature) bool { return flagapi.Same(f, other) }

// definition says what a feature means to callers.
func (f feature) definition(key string) (flag.Definition, error) {
	image, err := flagapi.Image(f)
	if err != nil {
		return flag.Definition{}, err
	}
	d := flag.Definition{Key: key, Raw: image, Enabled: true, Variants: f.names()}
	switch {
	case !f.Enabled && f.switchable():
		d.Serving = off
	default: // switched off it gives callers the default in their own code, as none of its variants is off
		d.Enabled = f.Enabled
		d.Serving, d.Targeted = f.serving()
	}
	return d, nil
}

// names lists the variants, sorted.
func (f feature) names() []string {
	all := f.variants()
	if len(all) == 0 {
		return []string{off, on}
	}
	all[off] = variant{}
	return slices.Sorted(maps.Keys(all))
}

// variants gives the flag's own variants by name.
func (f feature) variants() map[string]variant {
	all := map[string]variant{}
	add := func(list []variant) {
		for _, v := range list {
			if _, known := all[v.Name]; !known {
				all[v.Name] = v
			}
		}
	}
	for _, s := range f.Strategies {
		add(s.Variants)
	}
	add(f.Variants)
	return all
}

// switchable tells whether off means the flag switched off, and not a variant of that name.
func (f feature) switchable() bool {
	_, named := f.variants()[off]
	return !named
}

// serving tells what the first strategy serves, and whether some callers get something else.
func (f feature) serving() (variant string, targeted bool) {
	active := slices.DeleteFunc(slices.Clone(f.Strategies), func(s strategy) bool { return s.Disabled })
	if len(active) == 0 && len(f.Strategies) > 0 {
		return off, false
	}
	first := strategy{Name: "default"} // a flag without strategies is on for everybody
	if len(active) > 0 {
		first = active[0]
	}
	list := first.Variants
	if len(list) == 0 {
		list = f.Variants
	}
	variant, mixed := heaviest(list)
	return variant, mixed || !first.everybody() || len(f.Dependencies) > 0
}

// everybody tells whether a strategy fits every caller.
func (s strategy) everybody() bool {
	whole := s.Name == "default" || s.Name == "flexibleRollout" && s.Parameters["rollout"] == "100"
	return whole && len(s.Constraints) == 0 && len(s.Segments) == 0
}

// heaviest gives the variant that most callers get, and whether it is not the only one.
func heaviest(list []variant) (name string, mixed bool) {
	name, most, shares := on, -1, 0
	for _, v := range list {
		if v.Weight > most {
			name, most = v.Name, v.Weight
		}
		if v.Weight > 0 {
			shares++
		}
		mixed = mixed || len(v.Overrides) > 0
	}
	return name, mixed || shares > 1
}

// unknownVariant tells which variants there are.
func (f feature) unknownVariant(key, name string) error {
	return fmt.Errorf("%w: flag %q has no %q, it has %s", flag.ErrNoVariant, key, name, flag.Listing(f.names()))
}
