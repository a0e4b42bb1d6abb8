package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reference is what a Secret must be. The name is not checked further: whoever resolves it knows.
var reference = regexp.MustCompile(`^(env|file|secret):[^\s]+$`)

// wordsOf gives the words that a type knows, its default first where it has one; nil if it takes any text.
func wordsOf(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[Mode]():
		return []string{string(Suggest), string(Act), string(Observe)}
	case reflect.TypeFor[Urgency]():
		return []string{string(All), string(Page)}
	case reflect.TypeFor[Unproven]():
		return []string{string(UnprovenSuggest), string(UnprovenAllow)}
	case reflect.TypeFor[Deploy]():
		return []string{string(DeployWait), string(DeployParameter), string(DeployGit)}
	case reflect.TypeFor[NoDataHow]():
		return []string{string(NoDataHold), string(NoDataPass), string(NoDataFail)}
	case reflect.TypeFor[Direction]():
		return []string{string(Increase), string(Decrease), string(Either)}
	case reflect.TypeFor[NaNStrategy]():
		return []string{string(NaNRemove), string(NaNReplace)}
	case reflect.TypeFor[RemedyKind]():
		return []string{string(RemedyFlag), string(RemedyRevert)}
	}
	return nil
}

func (r *reader) readScalar(node ast.Node, into reflect.Value, at pointer) {
	switch into.Kind() {
	case reflect.String:
		r.readString(node, into, at)
	case reflect.Bool:
		b, ok := node.(*ast.BoolNode)
		if !ok {
			r.wrong(at, fmt.Sprintf("%s is %s where true or false is needed", at.last(), kindOf(node)), "write true or false, without quotes")
			return
		}
		into.SetBool(b.Value)
	default:
		n, ok := integer(node)
		if !ok {
			r.wrong(at, fmt.Sprintf("%s is %s where a whole number is needed", at.last(), kindOf(node)), "write a number such as 2, without quotes")
			return
		}
		into.SetInt(n)
	}
}

func (r *reader) readString(node ast.Node, into reflect.Value, at pointer) {
	if into.Type() == reflect.TypeFor[Secret]() {
		r.readSecret(node, into, at)
		return
	}
	text, isText := plainText(node)
	if !isText {
		fix := "write one text"
		if raw, ok := scalarText(node); ok {
			fix = fmt.Sprintf("put it in quotes: %q", short(raw))
		}
		r.wrong(at, fmt.Sprintf("%s is %s where a text is needed", at.last(), kindOf(node)), fix)
		return
	}
	if words := wordsOf(into.Type()); words != nil && !slices.Contains(words, text) {
		fix := "write one of: " + strings.Join(words, ", ")
		if near := nearest(text, words); near != "" {
			fix = fmt.Sprintf("did you mean %s?", near)
		}
		r.wrong(at, fmt.Sprintf("%s cannot be %q", at.last(), short(text)), fix)
		return
	}
	into.SetString(text)
}

// readSecret takes references only. What stands there instead may be the secret itself, so that it
// is neither told nor shown.
func (r *reader) readSecret(node ast.Node, into reflect.Value, at pointer) {
	text, ok := plainText(node)
	if !ok || !reference.MatchString(text) {
		r.hideScalars(node)
		r.wrong(at, at.last()+" is not a reference to a secret", "write env:NAME, file:PATH or secret:NAME, never the secret itself")
		return
	}
	into.SetString(text)
}

// bearsSecret tells whether a secret could stand somewhere in a value of the type.
func bearsSecret(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return bearsSecret(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() && bearsSecret(t.Field(i).Type) {
				return true
			}
		}
	}
	return t == reflect.TypeFor[Secret]()
}

// hideScalars stars out every value below a node.
func (r *reader) hideScalars(node ast.Node) {
	if node == nil {
		return
	}
	ast.Walk(hider{r.text}, node)
}

type hider struct{ text *source }

// Visit implements ast.Visitor.
func (h hider) Visit(node ast.Node) ast.Visitor {
	if entry, ok := node.(*ast.MappingValueNode); ok {
		ast.Walk(h, entry.Value)
		return nil
	}
	if literal, ok := node.(*ast.LiteralNode); ok {
		h.text.hide(spotOf(literal.Start), "|\n"+literal.Value.GetToken().Origin)
		return nil
	}
	if _, ok := node.(ast.ScalarNode); ok {
		h.text.hide(spotOf(node.GetToken()), node.GetToken().Origin)
	}
	return h
}

// plainText is the value of a node that YAML reads as a text.
func plainText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// scalarText is a single value as it was written, whatever YAML reads it as.
func scalarText(node ast.Node) (string, bool) {
	if text, ok := plainText(node); ok {
		return strings.TrimSpace(text), true
	}
	if _, ok := node.(ast.ScalarNode); ok {
		return node.GetToken().Value, true
	}
	return "", false
}

func integer(node ast.Node) (int64, bool) {
	n, ok := node.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	const most = 1 << 31
	switch v := n.Value.(type) {
	case int64:
		return v, v < most && v > -most
	case uint64:
		return int64(v), v < most
	}
	return 0, false
}

func keyText(key ast.MapKeyNode) (string, bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	return "", false
}

func entriesOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// kindOf names what a node is, for people.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a block of fields"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "something else"
}
