package policy

import (
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// pointer names a place in a policy as a JSON pointer (RFC 6901): /services/review/stages/0/name.
// The policy itself is the empty pointer.
type pointer string

func (p pointer) key(name string) pointer {
	name = strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	return p + "/" + pointer(name)
}

func (p pointer) index(i int) pointer { return p + "/" + pointer(strconv.Itoa(i)) }

func (p pointer) parent() pointer { return p[:strings.LastIndexByte(string(p), '/')] }

// spot is a place in the text; line and column count from 1, the column in characters.
type spot struct{ line, column int }

func (s spot) before(other spot) bool {
	return s.line < other.line || s.line == other.line && s.column < other.column
}

// place is where a field stands. An item of a list has no key of its own: key is its value's.
type place struct {
	key, value spot
	node       ast.Node
}

// places tells where everything stands that the file has.
type places map[pointer]place

func (ps places) has(at pointer) bool {
	_, ok := ps[at]
	return ok
}

// of gives the spot to point at for a value: where it stands, or for one that is missing the key
// of the nearest thing around it that does stand there.
func (ps places) of(at pointer) spot {
	if found, ok := ps[at]; ok {
		return found.value
	}
	return ps.keyOf(at)
}

// keyOf is of for the name of a thing.
func (ps places) keyOf(at pointer) spot {
	for {
		if found, ok := ps[at]; ok {
			return found.key
		}
		if at == "" {
			return spot{1, 1}
		}
		at = at.parent()
	}
}
