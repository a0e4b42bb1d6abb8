package policy

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxNodes bounds what aliases can blow up to, and maxMistakes what is told at once.
const (
	maxNodes    = 100_000
	maxMistakes = 100
)

// reader reads a YAML tree into a Policy, goes on after mistakes, and remembers where everything
// stood.
type reader struct {
	text    *source
	places  places
	broken  map[pointer]bool // where a mistake makes what follows from it not worth telling
	anchors map[string]ast.Node
	nodes   int
	found   []finding
}

type finding struct {
	at           spot
	problem, fix string
}

func newReader(text *source) *reader {
	return &reader{text: text, places: places{}, broken: map[pointer]bool{}, anchors: map[string]ast.Node{}}
}

func (r *reader) say(at spot, problem, fix string) {
	r.found = append(r.found, finding{at, short(problem), short(fix)})
}

// wrong says what is wrong with a value that could not be read.
func (r *reader) wrong(at pointer, problem, fix string) {
	r.broken[at] = true
	r.say(r.places.of(at), problem, fix)
}

// mistakes are all findings, with the lines that they are about.
func (r *reader) mistakes() Mistakes {
	all := make(Mistakes, 0, len(r.found))
	for _, f := range r.found {
		all = append(all, Mistake{File: r.text.file, Line: f.at.line, Column: f.at.column, Problem: f.problem, Fix: f.fix})
	}
	all = all.sorted()
	if extra := len(all) - maxMistakes; extra > 0 {
		all = all[:maxMistakes]
		all[maxMistakes-1].Problem += fmt.Sprintf(" (and %d more mistakes after this one)", extra)
	}
	for i, m := range all {
		all[i].Source = r.text.show(spot{m.Line, m.Column})
	}
	return all
}

// read puts a node into a value of the policy's types.
func (r *reader) read(node ast.Node, into reflect.Value, at pointer) {
	if r.nodes++; r.nodes > maxNodes {
		r.found = []finding{{r.places.of(at), "the file grows too large here through its aliases", "write the values out where they are needed"}}
		return
	}
	node, ok := r.resolve(node, at)
	if !ok {
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		r.readText(node, text, at)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		r.readStruct(node, into, at)
	case reflect.Map:
		r.readMap(node, into, at)
	case reflect.Slice:
		r.readList(node, into, at)
	default:
		r.readScalar(node, into, at)
	}
}

// resolve follows anchors and aliases to the node that they stand for.
func (r *reader) resolve(node ast.Node, at pointer) (ast.Node, bool) {
	switch n := node.(type) {
	case nil, *ast.NullNode:
		r.wrong(at, at.last()+" is empty", "give it a value, or remove the line")
		return nil, false
	case *ast.TagNode:
		r.wrong(at, "YAML tags are not read", "write the value without "+n.Start.Value)
		r.hideScalars(n.Value)
		return nil, false
	case *ast.AnchorNode:
		r.anchors[n.Name.GetToken().Value] = n.Value
		return r.resolve(n.Value, at)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		target, ok := r.anchors[name]
		if !ok {
			r.wrong(at, fmt.Sprintf("alias *%s stands for nothing", name), fmt.Sprintf("put &%s before the value that is meant, further up", name))
			return nil, false
		}
		delete(r.anchors, name) // while it is read, so that it cannot hold itself
		node, ok = r.resolve(target, at)
		r.anchors[name] = target
		return node, ok
	}
	return node, true
}

func (r *reader) readText(node ast.Node, into encoding.TextUnmarshaler, at pointer) {
	text, ok := scalarText(node)
	if !ok {
		r.wrong(at, fmt.Sprintf("%s is %s where a text is needed", at.last(), kindOf(node)), "put it in quotes, so that YAML reads it as one text")
		return
	}
	err := into.UnmarshalText([]byte(text))
	var h hint
	switch {
	case errors.As(err, &h):
		r.wrong(at, h.problem, h.fix)
	case err != nil:
		r.wrong(at, err.Error(), "")
	}
}

func (r *reader) readList(node ast.Node, into reflect.Value, at pointer) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		r.wrong(at, fmt.Sprintf("%s is %s where a list is needed", at.last(), kindOf(node)), listFix(node, into, at))
		if bearsSecret(into.Type()) {
			r.hideScalars(node)
		}
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(list.Values), len(list.Values)))
	for i, item := range list.Values {
		here := at.index(i)
		start := r.spotOfValue(item, r.places.of(at))
		r.places[here] = place{start, start, item}
		r.read(item, into.Index(i), here)
	}
}

// listFix repeats a lone text as the list that was meant, unless it could be a secret.
func listFix(node ast.Node, into reflect.Value, at pointer) string {
	if text, ok := scalarText(node); ok && !bearsSecret(into.Type()) && len(text) < 64 {
		return fmt.Sprintf("write %s: [%s]", at.last(), text)
	}
	return "write each entry on a line of its own that begins with a dash"
}

// spotOfValue is where a value begins; of one that has no place of its own, what is given.
func (r *reader) spotOfValue(node ast.Node, otherwise spot) spot {
	switch n := node.(type) {
	case nil:
		return otherwise
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return spotOf(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return spotOf(n.Key.GetToken())
	case *ast.NullNode:
		return otherwise
	}
	return spotOf(node.GetToken())
}

// last is the name of what a pointer points at; of an item in a list, the list's and its number.
func (p pointer) last() string {
	if p == "" {
		return "the policy"
	}
	name := string(p[len(p.parent())+1:])
	if name != "" && strings.Trim(name, "0123456789") == "" {
		return p.parent().last() + "[" + name + "]"
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
}
