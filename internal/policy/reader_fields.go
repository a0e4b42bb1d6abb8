package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// field is one field of a struct as the file writes it.
type field struct {
	name     string
	index    int
	required bool // the schema's word for it: the json tag has neither omitempty nor omitzero
	about    string
	kind     reflect.Type
}

func fieldsOf(t reflect.Type) []field {
	fields := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		fields = append(fields, field{
			name:     f.Tag.Get("yaml"),
			index:    i,
			required: !strings.Contains(f.Tag.Get("json"), ",omit"),
			about:    f.Tag.Get("jsonschema"),
			kind:     f.Type,
		})
	}
	return fields
}

func (r *reader) readStruct(node ast.Node, into reflect.Value, at pointer) {
	entries, ok := entriesOf(node)
	if !ok {
		r.wrong(at, fmt.Sprintf("%s is %s where fields are needed", at.last(), kindOf(node)), "write it as name: value lines, indented below it")
		r.hideScalars(node)
		return
	}
	fields := fieldsOf(into.Type())
	unset := missing(fields, entries)
	for name, entry := range r.unique(entries, at) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			r.unknown(entry, name, unset, at)
			continue
		}
		r.read(entry.Value, into.Field(fields[i].index), r.enter(entry, name, at))
	}
	for _, f := range fields {
		r.require(f, into.Field(f.index), at)
	}
}

func (r *reader) readMap(node ast.Node, into reflect.Value, at pointer) {
	entries, ok := entriesOf(node)
	if !ok {
		r.wrong(at, fmt.Sprintf("%s is %s where names with values are needed", at.last(), kindOf(node)), "write it as name: value lines, indented below it")
		r.hideScalars(node)
		return
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), len(entries)))
	for name, entry := range r.unique(entries, at) {
		value := reflect.New(into.Type().Elem()).Elem()
		r.read(entry.Value, value, r.enter(entry, name, at))
		into.SetMapIndex(reflect.ValueOf(name), value)
	}
}

// unique walks the entries of a mapping, and tells of keys that are none or that stand twice.
func (r *reader) unique(entries []*ast.MappingValueNode, at pointer) func(func(string, *ast.MappingValueNode) bool) {
	seen := make(map[string]spot, len(entries))
	return func(yield func(string, *ast.MappingValueNode) bool) {
		for _, entry := range entries {
			name, ok := keyText(entry.Key)
			here := spotOf(entry.Key.GetToken())
			if !ok {
				r.say(here, "this key is not a plain name", "write name: value; merge keys (<<) and keys with a ? are not read")
				r.hideScalars(entry.Value)
				continue
			}
			if first, twice := seen[name]; twice {
				r.say(here, fmt.Sprintf("%s stands here a second time", name), fmt.Sprintf("keep one of the two; the first is in line %d", first.line))
				r.hideScalars(entry.Value)
				continue
			}
			seen[name] = here
			if !yield(name, entry) {
				return
			}
		}
	}
}

// enter remembers where a field stands.
func (r *reader) enter(entry *ast.MappingValueNode, name string, at pointer) pointer {
	key := spotOf(entry.Key.GetToken())
	r.places[at.key(name)] = place{key, r.spotOfValue(entry.Value, key), entry.Value}
	return at.key(name)
}

// missing gives the fields that no entry sets.
func missing(fields []field, entries []*ast.MappingValueNode) []field {
	set := map[string]bool{}
	for _, entry := range entries {
		name, _ := keyText(entry.Key)
		set[name] = true
	}
	return slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return set[f.name] })
}

// unknown tells of a field that the policy does not have. Its value is shown only if it is clear
// what was meant, and that this is no secret.
func (r *reader) unknown(entry *ast.MappingValueNode, name string, fields []field, at pointer) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
	here, problem := spotOf(entry.Key.GetToken()), fmt.Sprintf("unknown field %s", short(name))
	near := slices.Index(known, nearest(name, known))
	if near < 0 {
		fix := "remove it"
		if len(known) > 0 {
			fix = "remove it, or write what is meant: " + strings.Join(known, ", ")
		}
		r.say(here, problem, fix)
		r.hideScalars(entry.Value)
		return
	}
	r.say(here, problem, fmt.Sprintf("did you mean %s?", known[near]))
	r.broken[at.key(known[near])] = true
	if bearsSecret(fields[near].kind) {
		r.hideScalars(entry.Value)
	}
}

// require says that a field which must be there is not, or has nothing in it.
func (r *reader) require(f field, value reflect.Value, at pointer) {
	here := at.key(f.name)
	if !f.required || !value.IsZero() && !isEmpty(value) || r.broken[here] {
		return
	}
	if r.places.has(here) {
		if isEmpty(value) {
			r.wrong(here, f.name+" is empty", fmt.Sprintf("give it a value (%s)", f.about))
		}
		return
	}
	r.wrong(here, fmt.Sprintf("%s has no %s", at.last(), f.name), fmt.Sprintf("add %s: … (%s)", f.name, f.about))
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Map, reflect.Slice:
		return v.Len() == 0
	}
	return false
}

// short makes a text fit to be told: what a hostile file could put into it is cut and cleaned.
func short(text string) string {
	const most = 300
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strings.Map(printable, text)
}
