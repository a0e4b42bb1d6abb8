package evidence

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Class is what Kayenta's judge calls a metric.
type Class string

// The classes.
const (
	ClassPass   Class = "Pass"
	ClassHigh   Class = "High"   // clearly above the baseline
	ClassLow    Class = "Low"    // clearly below it
	ClassNodata Class = "Nodata" // too little to compare
)

// Direction says which change of a metric is bad.
type Direction string

// The directions.
const (
	Increase Direction = "increase"
	Decrease Direction = "decrease"
	Either   Direction = "either"
)

// NaNStrategy says what a NaN in a metric counts as.
type NaNStrategy string

// The strategies.
const (
	Remove  NaNStrategy = "remove"  // it is no point at all
	Replace NaNStrategy = "replace" // it is 0
)

const (
	kayentaConfidence = 0.98
	kayentaBand       = 0.25 // of the shift: what is nearer to zero is no change
)

// Kayenta judges a gauge such as latency or saturation as Netflix' Kayenta does: the whole
// interval of the Mann-Whitney shift must lie outside a band around zero, and the effect must be
// large enough. It is blind to bad events in few windows: seven of ten points at a hundred times
// the baseline pass. Judge errors by counts.
type Kayenta struct {
	Direction       Direction   // empty is either
	NaN             NaNStrategy // empty is remove
	AllowedIncrease float64     // the candidate's mean over the baseline's from which High counts; 0 is 1
	AllowedDecrease float64     // and below which Low counts; 0 is 1
	MinPoints       int         // fewer points on a side are Nodata; 0 is 1
}

// Finding is a class with what it rests on.
type Finding struct {
	Class  Class
	Ranks  Ranks
	Effect float64 // the candidate's mean over the baseline's; 1 is neutral
	Reason string
}

// Judge classes a candidate against its baseline, one point a look each.
func (k Kayenta) Judge(baseline, candidate []float64) Finding {
	baseline, candidate = k.clean(baseline), k.clean(candidate)
	if least := max(k.MinPoints, 1); len(baseline) < least || len(candidate) < least {
		return Finding{Class: ClassNodata, Effect: 1, Reason: fmt.Sprintf(
			"%d points before and %d after are fewer than %d", len(baseline), len(candidate), least)}
	}
	if slices.Equal(baseline, candidate) {
		return Finding{Class: ClassPass, Effect: 1, Reason: "both are the same"}
	}
	ranks, err := MannWhitney(candidate, baseline, kayentaConfidence)
	if err != nil { // all values are one: lengths differ, values do not
		return Finding{Class: ClassPass, Effect: 1, Reason: "all values are the same"}
	}
	f := Finding{Class: ClassPass, Ranks: ranks, Effect: effect(baseline, candidate)}
	band := kayentaBand * math.Abs(ranks.Shift)
	switch {
	case ranks.Low > band && k.Direction != Decrease && f.Effect >= orOne(k.AllowedIncrease):
		f.Class = ClassHigh
	case ranks.High < -band && k.Direction != Increase && f.Effect <= orOne(k.AllowedDecrease):
		f.Class = ClassLow
	}
	f.Reason = fmt.Sprintf("shifted by %.4g, between %.4g and %.4g; mean %.4g times as high",
		ranks.Shift, ranks.Low, ranks.High, f.Effect)
	return f
}

// clean drops infinities, which rank as anything, and treats NaN as the strategy says.
func (k Kayenta) clean(values []float64) []float64 {
	kept := make([]float64, 0, len(values))
	for _, v := range values {
		switch {
		case math.IsInf(v, 0):
		case !math.IsNaN(v):
			kept = append(kept, v)
		case k.NaN == Replace:
			kept = append(kept, 0)
		}
	}
	return kept
}

// effect is the ratio of the means; infinite from a baseline of zero.
func effect(baseline, candidate []float64) float64 {
	before, after := stat.Mean(baseline, nil), stat.Mean(candidate, nil)
	if before == after {
		return 1
	}
	return after / before
}

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}
