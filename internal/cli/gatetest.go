package cli

import (
	"fmt"
	"strconv"

	"github.com/cinegit/guardian/internal/gatetest"
	"github.com/cinegit/guardian/internal/policy"
)

// GateTest tells whether the gates of a service at a stage can fail. It ends with one plain line a
// gate.
func (v View) GateTest(r gatetest.Report) string {
	p := v.page()
	p.line("%s  gates tried with a bake of %s", p.paint(bold, clean(r.Service+"/"+r.Stage)), r.Bake)
	p.field("traffic", plain, fmt.Sprintf("%s to %s %s", p.stamp(r.From), p.stamp(r.Until), p.offset(r.Until)))
	for _, g := range r.Gates {
		p.gateResult(g)
	}
	p.title("In short")
	for _, g := range r.Gates {
		words := g.Summary
		if g.DryRun {
			words += " (dry run, never decides)"
		}
		p.hang(2, cell{clean(g.Gate) + ":", bold}, text(words))
	}
	return p.String()
}

func (p *page) gateResult(g gatetest.Result) {
	p.blank()
	p.line("%s  %s", p.paint(bold, clean(g.Gate)), p.paint(ofState(g.State), string(g.State)))
	if g.Bakes+g.NoData > 0 {
		p.field("usual", plain, g.Usual.Words)
		p.field("bakes", plain, bakes(g))
	}
	if g.Bakes > 0 {
		p.field("quiet", plain, fmt.Sprintf("%d of %d would have been reverted (at most %s of such bakes, with 95%% confidence; %s may be)",
			g.Quiet.Alarms, g.Bakes, share(g.Quiet.AtMost), share(g.Quiet.Allowed)))
		p.b.WriteString(p.table(detections(g), 2+labelWidth+len(gap)))
	}
	for _, a := range g.Quiet.Examples {
		p.field("alarm", yellow, fmt.Sprintf("%s, %s after: %s", p.stamp(a.At), a.After, a.Reason))
	}
	for _, w := range g.Warnings {
		p.field("warning", yellow, w)
	}
}

func ofState(s gatetest.State) style {
	switch s {
	case gatetest.Tells:
		return green
	case gatetest.Alarms, gatetest.Weak:
		return yellow
	case gatetest.CannotFail, gatetest.NoData:
		return red
	}
	return red
}

func bakes(g gatetest.Result) string {
	n := g.Bakes + g.NoData
	words := fmt.Sprintf("%d imaginary %s, one every %s", n, plural(n, "release", "releases"), g.Every)
	if g.NoData > 0 {
		words += fmt.Sprintf("; %d cannot be judged", g.NoData)
	}
	if g.Excluded > 0 {
		words += fmt.Sprintf("; %d more left out for incidents", g.Excluded)
	}
	return words
}

func detections(g gatetest.Result) table {
	t := table{head: []string{"REGRESSION", "COMES TO", "SEEN", "MEDIAN", "P95"}}
	for _, d := range g.Seen {
		level := strconv.FormatFloat(d.Level, 'g', 4, 64)
		if g.Usual.Counts != nil {
			level = share(d.Level)
		}
		seen := cell{fmt.Sprintf("%d of %d", d.Seen, d.Bakes), plain}
		if d.Seen < d.Bakes {
			seen.style = yellow
		}
		t.add(text(strconv.FormatFloat(d.Factor, 'g', -1, 64)+"x"), text(level), seen, text(until(d.Median)), text(until(d.P95)))
	}
	return t
}

// until is how long something took; a dash where it was not seen in so many bakes.
func until(d policy.Duration) string {
	if d <= 0 {
		return "-"
	}
	return span(d.D())
}

// share writes a part of the whole with three digits.
func share(part float64) string { return strconv.FormatFloat(100*part, 'g', 3, 64) + "%" }
