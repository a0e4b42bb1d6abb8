package yamldepth_test

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"

	"github.com/cinegit/guardian/internal/yamldepth"
)

func TestNestingIsFoundWhereItGoesBeyond(t *testing.T) {
	for text, line := range map[string]int{
		"a: [[1]]\nb: {c: [2]}":       0,
		"a: 1\nb: [[[1]]]":            2,
		"a: {b: {c: {}}}":             1,
		"- - - 1":                     1,
		"- - 1\n- - 2\n- - 3":         0,
		strings.Repeat("[1]\n", 1000): 0,
	} {
		at := yamldepth.Beyond(lexer.Tokenize(text), 2)
		if got := 0; at != nil {
			if got = at.Position.Line; got != line {
				t.Errorf("%.20q: line %d, want %d", text, got, line)
			}
		} else if line != 0 {
			t.Errorf("%.20q: nothing is found", text)
		}
	}
}
