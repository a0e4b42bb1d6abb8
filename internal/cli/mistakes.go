package cli

import (
	"fmt"
	"strings"

	"github.com/cinegit/guardian/internal/policy"
)

// Mistakes shows all that is wrong with a policy file: where, the line with a caret below what is
// meant, and what to do. Without a terminal it is what Mistakes.Error tells.
func (v View) Mistakes(ms policy.Mistakes) string {
	p := v.page()
	for i, m := range ms {
		if i > 0 {
			p.blank()
		}
		p.line("%s %s", p.paint(bold, position(m)), p.paint(red, clean(m.Problem)))
		if m.Source != "" {
			shown, caret := p.excerpt(m)
			p.line("    %s", shown)
			p.line("    %s", caret+p.paint(red, "^"))
		}
		if m.Fix != "" {
			p.line("%s %s", p.paint(green, "fix:"), clean(m.Fix))
		}
	}
	return p.String()
}

func position(m policy.Mistake) string {
	return fmt.Sprintf("%s:%d:%d:", clean(m.File), m.Line, m.Column)
}

// excerpt is the line, on a terminal cut to the part around the column, and the blank below it that
// leads to the column.
func (p *page) excerpt(m policy.Mistake) (line, blank string) {
	const margin = 4
	source := strings.ReplaceAll(m.Source, "\t", " ")
	runes := []rune(source)
	before := min(m.Column-1, len(runes))
	beyond := strings.Repeat(" ", max(m.Column-1-len(runes), 0)) // a mistake may lie after the line's end
	start := 0
	room := p.columns() - margin
	if p.Width > 0 && columnsOf(source) > room {
		start = max(before-room/2, 0)
	}
	lead := ""
	if start > 0 {
		lead = "…"
	}
	line = lead + string(runes[start:])
	if p.Width > 0 {
		line = cut(line, room)
	}
	return line, strings.Repeat(" ", columnsOf(lead+string(runes[start:before]))) + beyond
}
