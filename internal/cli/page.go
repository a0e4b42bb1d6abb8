package cli

import (
	"fmt"
	"strings"
)

// page is a text under construction.
type page struct {
	View
	b strings.Builder
}

func (v View) page() *page { return &page{View: v} }

func (p *page) String() string { return p.b.String() }

// line writes one line as it is.
func (p *page) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (p *page) blank() { p.b.WriteString("\n") }

// title begins a section.
func (p *page) title(words string) {
	if p.b.Len() > 0 {
		p.blank()
	}
	p.line("%s", p.paint(bold, words))
}

// labelWidth is the column in which the text of a field begins, less one gap.
const labelWidth = 9

// field writes a label and its wrapped text; nothing where the text is empty. Further lines, and
// fields without a label, stand below the text.
func (p *page) field(label string, s style, words string) {
	if words = clean(words); words == "" {
		return
	}
	margin := gap + p.paint(dim, pad(label, labelWidth)) + gap
	for _, line := range wrap(words, p.columns()-labelWidth-2*len(gap)) {
		p.line("%s%s", margin, p.paint(s, line))
		margin = strings.Repeat(" ", labelWidth+2*len(gap))
	}
}

// hang writes a lead-in and the wrapped text beside it, all after so many spaces.
func (p *page) hang(indent int, lead cell, words cell) {
	margin := strings.Repeat(" ", indent) + p.paint(lead.style, lead.text)
	hanging := indent + columnsOf(lead.text)
	if lead.text != "" {
		margin += gap
		hanging += len(gap)
	}
	for _, line := range wrap(clean(words.text), p.columns()-hanging) {
		p.line("%s%s", margin, p.paint(words.style, line))
		margin = strings.Repeat(" ", hanging)
	}
}

// mostLines is how many lines of a text that comes in lines are shown.
const mostLines = 16

// verbatim writes a text that comes in lines, as mistakes in a policy do with their carets.
func (p *page) verbatim(words string) {
	lines := strings.Split(strings.TrimSpace(words), "\n")
	margin := strings.Repeat(" ", labelWidth+2*len(gap))
	for _, line := range lines[:min(len(lines), mostLines)] {
		blank := line[:len(line)-len(strings.TrimLeft(line, " "))]
		p.line("%s%s", margin, p.paint(red, blank+clean(line)))
	}
	if more := len(lines) - mostLines; more > 0 {
		p.line("%s%s", margin, p.paint(red, fmt.Sprintf("… %d more lines: guardian check shows all", more)))
	}
}
