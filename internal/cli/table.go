package cli

import (
	"slices"
	"strings"
)

// cell is one cell of a table.
type cell struct {
	text  string
	style style
}

// table has aligned columns. On a terminal its last column takes what room is left.
type table struct {
	head []string
	rows [][]cell
	cut  bool // the last column is cut to one line and not wrapped
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// text is a cell without a style.
func text(s string) cell { return cell{text: s} }

const (
	gap     = "  "
	minLast = 24 // columns below which the last column stands below its row
	minCut  = 12 // columns that a cut column is not cut below
)

// table draws a table, every line after so many spaces. It leaves columns out that are empty in every row.
func (v View) table(t table, indent int) string {
	t = t.cleaned()
	widths := t.widths()
	last := len(widths) - 1
	room := widths[last]
	if v.Width > 0 {
		room = v.columns() - indent
		for _, w := range widths[:last] {
			room -= w + len(gap)
		}
	}
	below := !t.cut && room < min(minLast, widths[last])
	margin := strings.Repeat(" ", indent)
	var b strings.Builder
	head := make([]cell, len(t.head))
	for i, h := range t.head {
		head[i] = cell{h, dim}
	}
	if below {
		head[last].text = ""
	}
	v.row(&b, margin, head, widths, []string{head[last].text})
	for _, cells := range t.rows {
		words := cells[last]
		switch {
		case t.cut:
			v.row(&b, margin, cells, widths, []string{cut(words.text, max(room, minCut))})
		case below:
			v.row(&b, margin, cells, widths, []string{""})
			v.below(&b, margin+gap+gap, strings.ToLower(t.head[last])+": ", words)
		default:
			v.row(&b, margin, cells, widths, wrap(words.text, room))
		}
	}
	return b.String()
}

// row writes one row, whose last cell has these lines.
func (v View) row(b *strings.Builder, margin string, cells []cell, widths []int, lines []string) {
	last := len(cells) - 1
	for n, line := range lines {
		out, blank := margin, ""
		for i, c := range cells[:last] {
			if n > 0 {
				c.text = ""
			}
			out += blank + v.paint(c.style, c.text)
			blank = strings.Repeat(" ", widths[i]-columnsOf(c.text)) + gap
		}
		if line != "" {
			out += blank + v.paint(cells[last].style, line)
		}
		b.WriteString(strings.TrimRight(out, " ") + "\n")
	}
}

// below writes a last cell below its row.
func (v View) below(b *strings.Builder, margin, label string, c cell) {
	if c.text == "" {
		return
	}
	lead := margin + v.paint(dim, label)
	margin += strings.Repeat(" ", columnsOf(label))
	for _, line := range wrap(c.text, v.columns()-len(margin)) {
		b.WriteString(lead + v.paint(c.style, line) + "\n")
		lead = margin
	}
}

func (t table) widths() []int {
	widths := make([]int, len(t.head))
	for i, h := range t.head {
		widths[i] = columnsOf(h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], columnsOf(c.text))
		}
	}
	return widths
}

// cleaned is the table without its empty columns, and with text that is fit for a terminal.
func (t table) cleaned() table {
	out := table{cut: t.cut, rows: make([][]cell, len(t.rows))}
	for i, h := range t.head {
		empty := !slices.ContainsFunc(t.rows, func(row []cell) bool { return row[i].text != "" })
		if empty && i > 0 {
			continue
		}
		out.head = append(out.head, h)
		for n, row := range t.rows {
			out.rows[n] = append(out.rows[n], cell{clean(row[i].text), row[i].style})
		}
	}
	return out
}
