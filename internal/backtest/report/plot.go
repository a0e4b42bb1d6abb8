package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/cinegit/guardian/internal/backtest"
)

// The size of a plot and of its parts, in its own units.
const (
	width   = 420.0
	left    = 46.0 // of the numbers beside the axis
	right   = 8.0
	top     = 14.0 // of the words above
	upper   = 110.0
	between = 16.0
	lower   = 56.0
	bottom  = 16.0 // of the times below
)

const (
	headroom = 1.12
	clip     = 1.5 // times the bar is as far up as evidence is drawn
)

// plot is a drawing in primitive shapes, styled by their class.
type plot struct {
	Title, Label string
	Height       string
	Rects        []rect
	Lines        []line
	Words        []word
	Keys         []key
}

type rect struct{ Class, X, Y, W, H string }

type line struct{ Class, Points string }

type word struct{ Class, X, Y, Text string }

// key is an entry of the legend.
type key struct{ Class, Text string }

// Width is that of every plot.
func (plot) Width() string { return units(width) }

func units(v float64) string { return fmt.Sprintf("%.1f", v) }

func (p *plot) rect(class string, x, y, w, h float64) {
	p.Rects = append(p.Rects, rect{class, units(x), units(y), units(w), units(h)})
}

func (p *plot) line(class, points string) {
	if points != "" {
		p.Lines = append(p.Lines, line{class, points})
	}
}

func (p *plot) word(class string, x, y float64, text string) {
	p.Words = append(p.Words, word{class, units(x), units(y), text})
}

func (p *plot) key(class, text string) { p.Keys = append(p.Keys, key{class, text}) }

// axes map seconds from the release, and values, onto a part of the drawing.
type axes struct {
	x0, x1, y0, y1 float64
	top, height    float64
}

func (a axes) x(v float64) float64 {
	return left + (width-left-right)*(min(max(v, a.x0), a.x1)-a.x0)/(a.x1-a.x0)
}

func (a axes) y(v float64) float64 {
	return a.top + a.height*(1-(min(max(v, a.y0), a.y1)-a.y0)/(a.y1-a.y0))
}

func (a axes) end() float64 { return a.top + a.height }

func (a axes) path(points []backtest.Point) string {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", a.x(p[0]), a.y(p[1]))
	}
	return strings.TrimSpace(b.String())
}

// level is a horizontal line.
func (a axes) level(from, v float64) string { return a.path([]backtest.Point{{from, v}, {a.x1, v}}) }

// axesOf span all that a gate measured, from its baseline's beginning to the end of the bake.
func axesOf(p backtest.Plot, r backtest.Result) axes {
	a := axes{x0: -60, x1: max(since(r, r.End), 60), top: top, height: upper}
	for _, points := range [][]backtest.Point{p.Values, p.Before, p.Beside} {
		for _, one := range points {
			a.x0 = min(a.x0, one[0])
			a.y0, a.y1 = min(a.y0, one[1]), max(a.y1, one[1])
		}
	}
	for _, v := range []*float64{p.Baseline, p.Limit} {
		if v != nil {
			a.y0, a.y1 = min(a.y0, *v), max(a.y1, *v)
		}
	}
	a.y0, a.y1 = a.y0*headroom, a.y1*headroom
	if !(a.y1 > a.y0) {
		a.y1 = a.y0 + 1
	}
	if p.Ratio {
		a.y1 = min(a.y1, 1)
	}
	return a
}

// number writes a value with three digits, as long as that is short.
func number(v float64) string {
	if size := math.Abs(v); size >= 1000 && size < 1e6 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// amount writes what a gate measures: a ratio as a percentage.
func amount(p backtest.Plot, v float64) string {
	if p.Ratio {
		return number(v*100) + "%"
	}
	return number(v)
}

// Shade tells whether the key is of an area and not of a line.
func (k key) Shade() bool { return k.Class == "incident" || k.Class == "earlier" || k.Class == "band" }
