package report

import (
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/backtest"
)

// draw is the plot of one gate around one release: what it measured above, the evidence below.
func draw(from backtest.Plot, r backtest.Result) plot {
	a := axesOf(from, r)
	end := a.end()
	p := plot{Title: "gate " + from.Gate}
	p.Label = fmt.Sprintf("%s of %s around release %s", p.Title, r.Target, r.Release.Release)
	below := axes{x0: a.x0, x1: a.x1, y0: -from.Bar / 2, y1: clip * from.Bar, top: a.end() + between, height: lower}
	if from.Bar > 0 {
		end = below.end()
	}
	p.incidents(a, r, end)
	p.measured(a, from)
	if from.Bar > 0 {
		p.evidence(below, from)
	}
	p.moments(a, r, end)
	if e := from.Finding.Evidence; e != nil && e.Well() && r.Headline.State != backtest.Reverted {
		p.upright("well", a, since(r, e.WellAt), end)
		p.key("well", "the evidence said that it is well")
	}
	p.times(a, end)
	p.Height = units(end + bottom)
	return p
}

// incidents shade the time in which it is known to have been bad.
func (p *plot) incidents(a axes, r backtest.Result, end float64) {
	shade := func(i backtest.Incident, class string) {
		from, to := a.x(since(r, i.From)), a.x(since(r, i.To))
		p.rect(class, from, top, max(to-from, 1), end-top)
	}
	for _, i := range r.Earlier {
		shade(i, "earlier")
	}
	if len(r.Earlier) > 0 {
		p.key("earlier", "incident from before")
	}
	if r.Fault != nil {
		shade(*r.Fault, "incident")
		p.key("incident", "incident")
	}
}

// measured draws what the gate saw over what it tolerates.
func (p *plot) measured(a axes, from backtest.Plot) {
	if from.Baseline != nil && from.Limit != nil && *from.Limit > *from.Baseline {
		p.rect("band", a.x(0), a.y(*from.Limit), a.x(a.x1)-a.x(0), a.y(*from.Baseline)-a.y(*from.Limit))
	}
	p.line("axis", a.level(a.x0, a.y0))
	if from.Baseline != nil {
		p.line("mean", a.level(a.x0, *from.Baseline))
		p.key("mean", "baseline "+amount(from, *from.Baseline))
	}
	if from.Limit != nil {
		p.line("limit", a.level(min(0, a.x1), *from.Limit))
		p.key("limit", "limit "+amount(from, *from.Limit))
	}
	p.line("before", a.path(from.Before))
	if len(from.Beside) > 0 {
		p.line("beside", a.path(from.Beside))
		p.key("beside", "baseline beside it")
	}
	p.line("value", a.path(from.Values))
	what := "value"
	if from.Ratio {
		what = "bad of all"
	}
	p.key("value", what)
	p.word("number", left-4, a.top+8, amount(from, a.y1))
	p.word("number", left-4, a.end(), amount(from, a.y0))
	if len(from.Values) == 0 && len(from.Before) == 0 && len(from.Beside) == 0 {
		p.word("middle", (left+width)/2, a.top+a.height/2, "nothing measured")
	}
}

// evidence draws both logarithms below the bar that decides.
func (p *plot) evidence(a axes, from backtest.Plot) {
	p.line("axis", a.level(a.x0, 0))
	p.line("bar", a.level(a.x0, from.Bar))
	p.line("safe", a.path(from.Safe))
	p.line("harm", a.path(from.Harm))
	p.word("number", left-4, a.y(from.Bar)+3, number(from.Bar))
	p.word("number", left-4, a.y(0)+3, "0")
	p.word("label", left+3, a.top+7, "evidence")
	p.key("harm", "evidence that it is worse")
	p.key("safe", "that it is well")
	p.key("bar", "decides")
}

// moments are vertical lines: the release, an alert, the decision.
func (p *plot) moments(a axes, r backtest.Result, end float64) {
	p.upright("release", a, 0, end)
	p.word("middle", a.x(0), top-4, "release")
	o := r.Headline
	if !o.Alert.IsZero() {
		p.upright("alert", a, since(r, o.Alert), end)
		p.key("alert", "alert")
	}
	if o.State == backtest.Reverted {
		p.upright("decision", a, since(r, o.At), end)
		p.key("decision", "would have been reverted")
	}
}

// upright is a vertical line through both parts.
func (p *plot) upright(class string, a axes, at, end float64) {
	p.line(class, fmt.Sprintf("%.1f,%.1f %.1f,%.1f", a.x(at), top, a.x(at), end))
}

// times stand below: the release's own, and how far from it the ends are.
func (p *plot) times(a axes, end float64) {
	y := end + 11
	p.word("start", left, y, offset(a.x0))
	if a.x(0)-left > 30 && a.x(a.x1)-a.x(0) > 30 {
		p.word("middle", a.x(0), y, "0")
	}
	p.word("end", a.x(a.x1), y, offset(a.x1))
}

func offset(s float64) string {
	d := time.Duration(s * float64(time.Second)).Round(time.Second)
	if d > 0 {
		return "+" + span(d)
	}
	return span(d)
}
