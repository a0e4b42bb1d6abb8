// Package flag is what Guardian knows of feature flags, whatever keeps them: a definition as it
// stands, and what putting it to its safe variant means.
package flag

import (
	"encoding/json"
	"errors"
	"time"
)

// Definition is one flag as its store holds it.
type Definition struct {
	Key     string          `json:"key"`
	Raw     json.RawMessage `json:"raw"`     // the store's own document of this flag; the before-image
	Version string          `json:"version"` // of the whole document, for compare-and-set
	Serving string          `json:"serving"` // the variant most callers get: the default variant
	Enabled bool            `json:"enabled"`
	// Targeted says that rules can give some callers another variant than Serving.
	Targeted bool      `json:"targeted"`
	Variants []string  `json:"variants"` // sorted
	Modified time.Time `json:"modified"` // when the store last changed, as far as it knows; zero is unknown
}

// Safe tells whether every caller gets the safe variant already.
func (d Definition) Safe(variant string) bool {
	return d.Enabled && !d.Targeted && d.Serving == variant
}

// Words say what the flag serves, for people.
func (d Definition) Words() string {
	switch {
	case !d.Enabled:
		return "disabled"
	case d.Targeted:
		return d.Serving + " with targeting"
	}
	return d.Serving
}

// Same tells whether two definitions hold the same content, whatever their formatting.
func (d Definition) Same(other Definition) bool { return Equal(d.Raw, other.Raw) }

// What can go wrong with a flag store; test with errors.Is.
var (
	ErrNotFound    = errors.New("no such flag")
	ErrConflict    = errors.New("the flag document changed meanwhile") // nothing written: read again
	ErrNoVariant   = errors.New("no such variant")
	ErrUnavailable = errors.New("the flag store is not reachable")
	ErrInvalid     = errors.New("the flag document is not valid")
	ErrDenied      = errors.New("denied by the flag store") // no right, or no valid token: trying again does not help
)
