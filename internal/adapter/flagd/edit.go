package flagd

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/cinegit/guardian/internal/flag"
)

// splice replaces text[from:to].
type splice struct {
	from, to int
	with     []byte
}

// apply makes the edits, which must be in ascending order and not overlap.
func apply(text []byte, edits []splice) []byte {
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, text[done:e.from]...), e.with...)
		done = e.to
	}
	return append(out, text[done:]...)
}

// killed gives the flag as it must be for every caller to get the safe variant: enabled, because a
// disabled flag gives callers the default in their own code; the safe variant as default; and
// without targeting, which would beat the default. All else stays byte for byte.
func killed(key string, raw []byte, safe string) ([]byte, error) {
	parts, err := members(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: flag %q %w", flag.ErrInvalid, key, err)
	}
	f, err := fields(raw, parts)
	if err != nil {
		return nil, fmt.Errorf("%w: flag %q: %w", flag.ErrInvalid, key, err)
	}
	variants, _ := find(parts, "variants")
	variant, ok := variantText(raw, variants, safe)
	if !ok {
		return nil, fmt.Errorf("%w: flag %q has no %q, it has %s", flag.ErrNoVariant, key, safe, flag.Listing(f.variants))
	}
	missing := func(name string) bool { _, ok := find(parts, name); return !ok }
	var edits []splice
	for i, p := range parts {
		switch p.name {
		case "state":
			edits = appendIf(f.state != enabled, edits, splice{p.value, p.end, quoted(enabled)})
		case "defaultVariant":
			edits = appendIf(f.serving != safe, edits, splice{p.value, p.end, variant})
		case "targeting":
			edits = appendIf(f.targeted, edits, without(parts, i))
		case "variants":
			edits = appendIf(missing("state"), edits, added(raw, parts, p.end, "state", quoted(enabled)))
			edits = appendIf(missing("defaultVariant"), edits, added(raw, parts, p.end, "defaultVariant", variant))
		}
	}
	return apply(raw, edits), nil
}

func appendIf(when bool, edits []splice, e splice) []splice {
	if !when {
		return edits
	}
	return append(edits, e)
}

// variantText gives a variant's name as the document spells it.
func variantText(raw []byte, variants member, name string) ([]byte, bool) {
	object := raw[variants.value:variants.end]
	list, _ := members(object)
	m, ok := find(list, name)
	if !ok {
		return nil, false
	}
	return object[m.start:m.nameEnd], true
}

// without takes a member out together with the comma and the space that belong to it.
func without(parts []member, i int) splice {
	switch {
	case i > 0:
		return splice{from: parts[i-1].end, to: parts[i].end}
	case len(parts) > 1:
		return splice{from: parts[0].start, to: parts[1].start}
	}
	return splice{from: parts[0].start, to: parts[0].end}
}

// added puts a new member at an offset after another one, laid out as the object's first member is.
func added(raw []byte, parts []member, at int, name string, value []byte) splice {
	first := parts[0]
	with := [][]byte{[]byte(","), raw[1:first.start], quoted(name), raw[first.nameEnd:first.value], value}
	return splice{from: at, to: at, with: bytes.Join(with, nil)}
}

// quoted writes one of our own words as JSON.
func quoted(word string) []byte {
	out, _ := json.Marshal(word) // a string always marshals
	return out
}
