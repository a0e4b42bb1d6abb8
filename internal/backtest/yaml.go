package backtest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/yamldepth"
)

// What a list may have: bytes, brackets within brackets, mistakes told, and characters of a text
// that is shown.
const (
	maxSize     = 8 << 20
	maxDepth    = 8
	maxMistakes = 100
	maxShown    = 200
)

// reader collects what is wrong with a list.
type reader struct {
	file  string
	lines []string
	found policy.Mistakes
}

// spot is a place in the text; line and column count from 1.
type spot struct{ line, column int }

// entry is one entry of the list; fields that it lacks are told.
type entry struct {
	spot
	fields map[string]field
}

type field struct {
	spot
	text string
}

func (e entry) text(name string) string { return e.fields[name].text }

func readFile[T any](path string, p *policy.Policy, parse func(string, []byte, *policy.Policy) (T, error)) (T, error) {
	var none T
	file, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("read list: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return none, fmt.Errorf("read list: %w", err)
	}
	return parse(path, text, p)
}

// read gives the entries of a list, each with exactly the fields of these names.
func read(file string, text []byte, names ...string) ([]entry, *reader) {
	r := &reader{file: file}
	switch {
	case len(text) > maxSize:
		r.say(spot{1, 1}, fmt.Sprintf("the file is larger than %d MiB", maxSize>>20), "is this the right file? else part it in two")
		return nil, r
	case !utf8.Valid(text) || slices.Contains(text, 0):
		r.say(spot{1, 1}, "the file is not text in UTF-8", "is this the right file?")
		return nil, r
	}
	clean := strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")
	r.lines = strings.Split(clean, "\n")
	var entries []entry
	for _, node := range r.list(clean, names) {
		if e, ok := r.entry(node, names); ok {
			entries = append(entries, e)
		}
	}
	return entries, r
}

// list gives the nodes of the text's list.
func (r *reader) list(text string, names []string) []ast.Node {
	like := fmt.Sprintf("write a list with lines like - {%s: …}", strings.Join(names, ": …, "))
	tokens := lexer.Tokenize(text)
	if deep := yamldepth.Beyond(tokens, maxDepth); deep != nil {
		r.say(spot{deep.Position.Line, deep.Position.Column}, "the list is nested too deep here", like)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	var nodes []ast.Node
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.DirectiveNode:
		case *ast.SequenceNode:
			nodes = append(nodes, body.Values...)
		default:
			r.say(spotOf(body), "the file is not a list", like)
			return nil
		}
	}
	if len(nodes) == 0 && len(r.found) == 0 && !strings.Contains(text, "[") {
		r.say(spot{1, 1}, "the file is empty", like+", or [] for none")
	}
	return nodes
}

// entry reads one entry; ok is false where that is no use going on with.
func (r *reader) entry(node ast.Node, names []string) (e entry, ok bool) {
	e = entry{spot: spotOf(node), fields: map[string]field{}}
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.say(e.spot, "the entry has no fields", "write "+strings.Join(names, ", ")+", each with its value")
		return e, false
	}
	if len(values) > 0 {
		e.spot = spotOf(values[0].Key)
	}
	for _, v := range values {
		r.field(e, v, names)
	}
	for _, name := range names {
		if _, has := e.fields[name]; !has {
			r.say(e.spot, "the entry has no "+name, fmt.Sprintf("add %s: …", name))
		}
	}
	return e, true
}

// field reads one field into an entry.
func (r *reader) field(e entry, v *ast.MappingValueNode, names []string) {
	key := spotOf(v.Key)
	name, ok := scalar(v.Key)
	switch {
	case !ok || !slices.Contains(names, name):
		r.say(key, fmt.Sprintf("unknown field %s", short(name)), "write what is meant: "+strings.Join(names, ", "))
		return
	case e.fields[name] != field{}:
		r.say(key, name+" stands here a second time", fmt.Sprintf("keep one of the two; the first is in line %d", e.fields[name].line))
		return
	}
	text, ok := scalar(v.Value)
	e.fields[name] = field{spotOf(v.Value), text}
	switch {
	case !ok:
		r.say(key, name+" is not a plain text", "write one text, in quotes where it is not plain")
	case text == "":
		r.say(key, name+" is empty", "give it a value")
	}
}

// scalar is a single value as it was written, whatever YAML reads it as; "" for none.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.NullNode:
		return "", true
	case *ast.StringNode:
		return strings.TrimSpace(n.Value), true
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode, *ast.MergeKeyNode, *ast.LiteralNode:
		return "", false
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func (r *reader) syntax(err error) {
	at, problem := spot{1, 1}, "the file is not valid YAML"
	var known yaml.Error
	if errors.As(err, &known) {
		problem += ": " + short(known.GetMessage())
		if tk := known.GetToken(); tk != nil && tk.Position != nil {
			at = spot{tk.Position.Line, tk.Position.Column}
		}
	}
	r.say(at, problem, "correct the line, or the one before it")
}

func (r *reader) say(at spot, problem, fix string) {
	m := policy.Mistake{File: r.file, Line: max(at.line, 1), Column: max(at.column, 1), Problem: problem, Fix: fix}
	if m.Line <= len(r.lines) && m.Column <= maxShown {
		m.Source = strings.TrimRight(short(r.lines[m.Line-1]), " ")
	}
	r.found = append(r.found, m)
}

// err is all that is wrong, in the order of the lines; nil for nothing.
func (r *reader) err() error {
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, func(a, b policy.Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if more := len(r.found) - maxMistakes; more > 0 {
		r.found = r.found[:maxMistakes]
		r.found[maxMistakes-1].Problem += fmt.Sprintf(" (and %d more mistakes after this one)", more)
	}
	return r.found
}

func spotOf(node ast.Node) spot {
	if node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return spot{1, 1}
	}
	p := node.GetToken().Position
	return spot{p.Line, p.Column}
}

// short makes text of a file fit to be shown.
func short(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
