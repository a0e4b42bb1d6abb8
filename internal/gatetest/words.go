package gatetest

import (
	"fmt"
	"math"
	"strconv"

	"github.com/cinegit/guardian/internal/health"
)

// conclude sums a gate up in one sentence; why is the reason that it could not be tested.
func (r Result) conclude(why string) Result {
	quiet := fmt.Sprintf("%d of %d quiet bakes would have been reverted", r.Quiet.Alarms, r.Bakes)
	switch {
	case why != "":
		r.Summary = "cannot be tested: " + why
		r.warn("%s", why)
	case r.State == NoData:
		r.Summary = fmt.Sprintf("cannot tell; %d of %d bakes have no data", r.NoData, r.NoData+r.Bakes)
	case r.State == CannotFail:
		r.Summary = fmt.Sprintf("cannot fail; a 10x regression is seen in %d of %d bakes; %s", r.of(10).Seen, r.Bakes, quiet)
	default:
		r.Summary = fmt.Sprintf("can fail; %s; %s", r.sees(), quiet)
	}
	return r
}

// sees tells the smallest regression from 3x on that is seen well enough.
func (r Result) sees() string {
	for _, d := range r.Seen {
		if d.Factor < 3 || d.Rate() < enough {
			continue
		}
		p95 := "p95 is not within the bake"
		if d.P95 > 0 {
			p95 = "p95 " + d.P95.String()
		}
		return fmt.Sprintf("a %sx regression is seen in %s (%s)", number(d.Factor), d.Median, p95)
	}
	return fmt.Sprintf("a 10x regression is seen in %s of the bakes only", percent(r.of(10).Rate()))
}

func (c counts) words() Usual {
	u := Usual{Counts: &c.usual, Unit: c.unit, Rate: c.rate}
	u.Words = fmt.Sprintf("%s of %s events a second are bad", percent(c.usual.Ratio()), number(c.rate))
	return u
}

// caveat says where a factor does not multiply the usual ratio itself.
func (c counts) caveat(g health.Gate) string {
	stands := fmt.Sprintf("one event of %s", number(c.usual.Total))
	switch {
	case g.Min != nil:
		stands = "min " + g.Min.String()
	case g.Max != nil:
		stands = "max " + g.Max.String()
	}
	switch usual := c.usual.Ratio(); {
	case c.usual.Bad == 0:
		return fmt.Sprintf("nothing was bad in all this traffic: 2x means twice %s here", stands)
	case usual < c.unit:
		return fmt.Sprintf("the usual %s is below %s, which is well whatever was before: 2x means twice %s here", percent(usual), stands, stands)
	}
	return ""
}

// bears says why a factor never fails a gate with a fixed maximum.
func (c counts) bears(g health.Gate, factor float64) string {
	if level := c.level(factor); g.Tolerance == nil && g.Max != nil && level <= float64(*g.Max) {
		return fmt.Sprintf("%sx comes to %s, and max %s bears that: set max lower, or a tolerance", number(factor), percent(level), g.Max)
	}
	return ""
}

func (v values) words() Usual {
	if math.IsNaN(v.usual) {
		return Usual{Words: "no value"}
	}
	u := Usual{Value: &v.usual, Unit: v.unit, Words: fmt.Sprintf("%s in the median", number(v.usual))}
	if !math.IsNaN(v.fails) {
		u.Fails = &v.fails
		u.Words += fmt.Sprintf("; the conditions fail from %s", number(v.fails))
	}
	return u
}

func (v values) caveat(health.Gate) string {
	switch {
	case v.share && v.unit > 0:
		return fmt.Sprintf("the value is always 1 and taken for the share of what goes well: 2x means twice %s missing, which is what fails", number(v.unit))
	case v.share:
		return "the value is taken for the share of what goes well: 2x means that twice as much is missing to 1"
	case v.unit > 0:
		return fmt.Sprintf("the value is always 0: 2x means twice %s here", number(v.unit))
	}
	return ""
}

// bears says why a factor never meets conditions.
func (v values) bears(g health.Gate, factor float64) string {
	level := number(v.level(factor))
	switch {
	case math.IsNaN(v.fails) && !g.Compares():
		return "no value that was tried makes the conditions fail: look at them again"
	case math.IsNaN(v.fails):
		return ""
	case fails(g, v.level(factor)):
		return ""
	}
	return fmt.Sprintf("%sx comes to %s, and the conditions fail from %s on", number(factor), level, number(v.fails))
}

// percent writes a share with three digits.
func percent(share float64) string {
	if math.IsNaN(share) {
		return "unknown"
	}
	return strconv.FormatFloat(round(share*100), 'f', -1, 64) + "%"
}

// number writes a value with three digits, or all of them before the point.
func number(v float64) string { return strconv.FormatFloat(round(v), 'f', -1, 64) }

func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) {
		return v
	}
	scale := math.Pow(10, max(2-math.Floor(math.Log10(math.Abs(v))), 0))
	return math.Round(v*scale) / scale
}
