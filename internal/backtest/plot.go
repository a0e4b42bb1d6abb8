package backtest

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

// Plot is what one gate measured around a release, and what it made of that.
type Plot struct {
	Gate      string         `json:"gate"`
	Ratio     bool           `json:"ratio,omitempty"`    // of bad to total events, 0..1; else a value
	Values    []Point        `json:"values"`             // as of each look, over the gate's window
	Before    []Point        `json:"before,omitempty"`   // of the baseline before the release
	Beside    []Point        `json:"beside,omitempty"`   // of the baseline that ran beside it
	Baseline  *float64       `json:"baseline,omitempty"` // its mean
	Limit     *float64       `json:"limit,omitempty"`    // what was tolerated
	Harm      []Point        `json:"harm,omitempty"`     // natural logarithm of the evidence that it is worse than tolerated
	Safe      []Point        `json:"safe,omitempty"`     // that it is well
	Bar       float64        `json:"bar,omitempty"`      // what either takes to decide
	Threshold string         `json:"threshold,omitempty"`
	Finding   health.Finding `json:"finding"` // of the last look
}

// Point is a moment, in seconds from the release, with a value.
type Point [2]float64

// mostPoints is how many points of one line are kept.
const mostPoints = 240

// plot is the gate's plot.
func (w *watch) plot() Plot {
	p := Plot{Gate: w.gate.Name, Ratio: w.gate.Counts()}
	r := w.reading
	since := func(at time.Time) float64 { return at.Sub(r.Subject.ChangedAt).Seconds() }
	for i, f := range w.findings {
		if p.Ratio {
			p.Values = add(p.Values, since(f.At), ratio(r.Looks[i].Bad, r.Looks[i].Total))
		} else if len(r.Looks[i].Value) == 1 {
			p.Values = add(p.Values, since(f.At), r.Looks[i].Value[0])
		}
		if f.Threshold != "" {
			p.Threshold = f.Threshold
		}
		p.Finding = f
		if e := f.Evidence; e != nil {
			p.Harm, p.Safe, p.Bar = add(p.Harm, since(f.At), e.Harm), add(p.Safe, since(f.At), e.Safe), e.Bar
			if e.Baseline.Total > 0 {
				p.Baseline = pointer(round(e.Baseline.Ratio()))
			}
		}
	}
	p.Before = ratios(r.Before, since, w.gate.Window.D())
	p.Beside = ratios(r.Beside, since, w.gate.Window.D())
	if points := values(r.Baseline, since); w.gate.Baseline.Beside() {
		p.Beside = append(p.Beside, points...)
	} else {
		p.Before = append(p.Before, points...)
	}
	p.Limit = limitOf(p.Threshold)
	for _, line := range []*[]Point{&p.Values, &p.Before, &p.Beside, &p.Harm, &p.Safe} {
		*line = thin(*line)
	}
	return p
}

// add appends a point, unless it is none that can be drawn.
func add(line []Point, x, y float64) []Point {
	if math.IsNaN(y) || math.IsInf(y, 0) {
		return line
	}
	return append(line, Point{x, round(y)})
}

// round keeps four digits, so that what is kept and mailed stays small.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	if math.IsInf(scale, 0) || scale == 0 {
		return v
	}
	return math.Round(v*scale) / scale
}

func ratio(bad, total []float64) float64 {
	switch {
	case len(total) != 1 || total[0] <= 0 || len(bad) > 1:
		return math.NaN()
	case len(bad) == 0:
		return 0
	}
	return bad[0] / total[0]
}

// ratios are those of windows, taken together to about the length of a look's.
func ratios(w health.Windows, since func(time.Time) float64, length time.Duration) []Point {
	if w.Step <= 0 {
		return nil
	}
	each := int(max(length/w.Step, 1))
	var line []Point
	for n := each; n <= len(w.Counts); n += each {
		var sum evidence.Counts
		for _, c := range w.Counts[n-each : n] {
			sum = sum.Plus(c)
		}
		if sum.Total > 0 {
			line = add(line, since(w.End(n)), sum.Ratio())
		}
	}
	return line
}

func values(p health.Points, since func(time.Time) float64) []Point {
	var line []Point
	for i, v := range p.Values {
		if len(v) == 1 {
			line = add(line, since(p.From.Add(time.Duration(i)*p.Step)), v[0])
		}
	}
	return line
}

// thin keeps of a long line the greatest point of every stretch: what matters here goes up.
func thin(line []Point) []Point {
	each := (len(line) + mostPoints - 1) / mostPoints
	if each <= 1 {
		return line
	}
	var out []Point
	for from := 0; from < len(line); from += each {
		top := line[from]
		for _, p := range line[from:min(from+each, len(line))] {
			if p[1] > top[1] {
				top = p
			}
		}
		out = append(out, top)
	}
	return out
}

// comparison is a condition that is a line in a plot.
var comparison = regexp.MustCompile(`^\s*result(?:\[0\])?\s*[<>]=?\s*([-+0-9.eE]+)\s*$`)

// limitOf is the number in a finding's threshold: of 5%, of 0.68% (0.5% before …), of result > 0.5.
// Nil for what is no line in a plot.
func limitOf(threshold string) *float64 {
	first, _, _ := strings.Cut(threshold, " (")
	var share policy.Percent
	if share.UnmarshalText([]byte(first)) == nil {
		return pointer(float64(share))
	}
	if found := comparison.FindStringSubmatch(threshold); found != nil {
		if v, err := strconv.ParseFloat(found[1], 64); err == nil {
			return &v
		}
	}
	return nil
}

func pointer(v float64) *float64 { return &v }
