package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a policy file.
type Mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`             // from 1
	Column  int    `json:"column"`           // from 1, in characters
	Source  string `json:"source,omitempty"` // the line, secrets starred out; empty if the column is beyond what is worth showing
	Problem string `json:"problem"`
	Fix     string `json:"fix,omitempty"`
}

// Error tells the mistake as "file:line:column: problem", then the line with a caret below the
// column, then the fix.
func (m Mistake) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", m.File, m.Line, m.Column, m.Problem)
	if m.Source != "" {
		fmt.Fprintf(&b, "\n    %s\n    %s^", m.Source, blank(m.Source, m.Column-1))
	}
	if m.Fix != "" {
		fmt.Fprintf(&b, "\nfix: %s", m.Fix)
	}
	return b.String()
}

// blank gives n characters of white space that are as wide as the first n of the line.
func blank(line string, n int) string {
	space := make([]rune, 0, n)
	for _, r := range line {
		if len(space) == n {
			break
		}
		if r != '\t' {
			r = ' '
		}
		space = append(space, r)
	}
	for len(space) < n {
		space = append(space, ' ')
	}
	return string(space)
}

// Mistakes are all mistakes of a policy file, in the order of its lines. Load and Parse return
// them as their error; find them with errors.As.
type Mistakes []Mistake

// Error tells all mistakes, with an empty line between two.
func (ms Mistakes) Error() string {
	texts := make([]string, len(ms))
	for i, m := range ms {
		texts[i] = m.Error()
	}
	return strings.Join(texts, "\n\n")
}

func (ms Mistakes) sorted() Mistakes {
	slices.SortStableFunc(ms, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Problem, b.Problem))
	})
	return slices.Compact(ms)
}
