package flagd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cinegit/guardian/internal/flag"
)

// enabled is the state of a flag that is evaluated; DISABLED makes callers fall back to the
// default in their own code (https://flagd.dev/reference/flag-definitions/#state).
const enabled = "ENABLED"

// document is a flag document as it stood at one moment.
type document struct {
	name     string // as people call it, for messages
	text     []byte
	version  string
	modified time.Time
	flags    []member
}

func parse(name string, text []byte, modified time.Time) (document, error) {
	sum := sha256.Sum256(text)
	d := document{name: name, text: text, version: hex.EncodeToString(sum[:]), modified: modified}
	if err := d.wellFormed(); err != nil {
		return document{}, err
	}
	top, err := members(text)
	if err != nil {
		return document{}, d.invalid(0, "the document %s", err)
	}
	all, ok := find(top, "flags")
	if !ok {
		return document{}, d.invalid(0, `there is no "flags" member`)
	}
	list, err := members(text[all.value:all.end])
	if err != nil {
		return document{}, d.invalid(all.value, `"flags" %s of flags by key`, err)
	}
	for _, m := range list {
		d.flags = append(d.flags, m.shifted(all.value))
	}
	return d, nil
}

func (d document) wellFormed() error {
	if !utf8.Valid(d.text) {
		return d.invalid(invalidUTF8(d.text), "this is not UTF-8")
	}
	var syntax *json.SyntaxError
	err := json.Unmarshal(d.text, new(json.RawMessage))
	if errors.As(err, &syntax) && len(bytes.TrimSpace(d.text)) > 0 {
		return d.invalid(int(syntax.Offset)-1, "this is not JSON: %s", syntax)
	}
	if err != nil {
		return d.invalid(0, "the document is empty")
	}
	name, after, err := duplicate(d.text)
	if err != nil {
		return d.invalid(0, "this is not JSON: %s", err)
	}
	if after > 0 {
		return d.invalid(after-len(name)-2, "%q stands twice in one object: keep one", name)
	}
	return nil
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}

func (m member) shifted(by int) member {
	m.start, m.nameEnd, m.value, m.end = m.start+by, m.nameEnd+by, m.value+by, m.end+by
	return m
}

// invalid tells what is wrong at an offset of the document.
func (d document) invalid(offset int, format string, args ...any) error {
	line, column := position(d.text, offset)
	return fmt.Errorf("%w: %s:%d:%d: %s", flag.ErrInvalid, d.name, line, column, fmt.Sprintf(format, args...))
}

// at finds a flag in the document.
func (d document) at(key string) (member, error) {
	if m, ok := find(d.flags, key); ok {
		return m, nil
	}
	known := make([]string, 0, len(d.flags))
	for _, m := range d.flags {
		known = append(known, m.name)
	}
	return member{}, fmt.Errorf("%w: %q is not in %s, which has %s", flag.ErrNotFound, key, d.name, flag.Listing(known))
}

// definition reads one flag of the document.
func (d document) definition(m member) (flag.Definition, error) {
	raw := d.text[m.value:m.end]
	parts, err := members(raw)
	if err != nil {
		return flag.Definition{}, d.invalid(m.value, "flag %q %s", m.name, err)
	}
	if err := d.spelling(m, parts); err != nil {
		return flag.Definition{}, err
	}
	f, err := fields(raw, parts)
	if err != nil {
		return flag.Definition{}, d.invalid(m.value, "flag %q: %s", m.name, err)
	}
	return flag.Definition{
		Key:      m.name,
		Raw:      bytes.Clone(raw),
		Version:  d.version,
		Serving:  f.serving,
		Enabled:  f.state == enabled,
		Targeted: f.targeted,
		Variants: f.variants,
		Modified: d.modified,
	}, nil
}

// spelling refuses "Targeting" and the like: flagd itself would read it as targeting, other
// providers would not, and an edit of the one would leave the other standing.
func (d document) spelling(m member, parts []member) error {
	for _, p := range parts {
		for _, want := range []string{"state", "defaultVariant", "variants", "targeting"} {
			if p.name != want && strings.EqualFold(p.name, want) {
				return d.invalid(m.value+p.start, "flag %q: write %q as %q", m.name, p.name, want)
			}
		}
	}
	return nil
}

type flagFields struct {
	state, serving string
	targeted       bool
	variants       []string
}

func fields(raw []byte, parts []member) (f flagFields, err error) {
	for _, p := range parts {
		value := raw[p.value:p.end]
		switch p.name {
		case "state":
			err = json.Unmarshal(value, &f.state)
		case "defaultVariant":
			err = json.Unmarshal(value, &f.serving) // null leaves it empty: the default in the callers' code
		case "targeting":
			f.targeted = targeted(value)
		case "variants":
			f.variants, err = names(value)
		}
		if err != nil {
			return f, fmt.Errorf("%q is not understood: %w", p.name, err)
		}
	}
	return f, nil
}

// targeted tells whether flagd evaluates a targeting. It takes "{}" for none, but not "{ }".
func targeted(value []byte) bool {
	return string(value) != "{}" && string(value) != "null"
}

func names(value []byte) ([]string, error) {
	list, err := members(value)
	if err != nil {
		return nil, fmt.Errorf("it %w", err)
	}
	out := make([]string, 0, len(list))
	for _, m := range list {
		out = append(out, m.name)
	}
	slices.Sort(out)
	return out, nil
}
