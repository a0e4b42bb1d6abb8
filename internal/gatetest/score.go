package gatetest

import (
	"math"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

const (
	enough   = 0.9  // of the bakes must see a regression, for it to count as seen
	wanted   = 5    // the factor that a gate must see
	unsure   = 0.05 // how often a bound on the rate of false alarms may be wrong
	examples = 3    // false alarms that are shown
)

// endless is when a regression is seen that is not.
const endless = time.Duration(math.MaxInt64)

// count takes the quiet bakes into the result.
func (r *Result) count(t *tester, readings []health.Reading, quiet []outcome) {
	r.Quiet.Allowed = t.alpha
	for i, o := range slices.Backward(quiet) {
		if !o.judged {
			r.NoData++
			continue
		}
		r.Bakes++
		if o.ending == held {
			r.Quiet.Held++
		}
		if o.ending != failed {
			continue
		}
		r.Quiet.Alarms++
		if len(r.Quiet.Examples) < examples {
			alarm := Alarm{At: readings[i].Subject.ChangedAt, After: policy.Duration(o.after), Reason: o.finding.Reason}
			r.Quiet.Examples = append(r.Quiet.Examples, alarm)
		}
	}
	if r.Bakes > 0 {
		alarms, bakes := float64(r.Quiet.Alarms), float64(r.Bakes)
		r.Quiet.Rate, r.Quiet.AtMost = alarms/bakes, evidence.Upper(alarms, bakes, unsure)
	}
}

// surely tells whether quiet bakes are called bad more often than they may be, by more than chance.
func (q Quiet) surely(bakes int) bool {
	return evidence.Lower(float64(q.Alarms), float64(bakes), unsure) > q.Allowed
}

// detection judges the bakes that can be judged with so many times the usual put in.
func detection(t *tester, readings []health.Reading, quiet []outcome, worse regression, factor float64) Detection {
	d := Detection{Factor: factor, Level: worse.level(factor)}
	var times []time.Duration
	for i, o := range t.judge(readings, worse, factor) {
		if !quiet[i].judged {
			continue
		}
		d.Bakes++
		times = append(times, o.seen())
		switch o.ending {
		case failed:
			d.Seen++
		case passed:
			d.Passed++
		case held:
			d.Held++
		case open:
		}
	}
	d.Median, d.P95 = within(quantile(times, 0.5)), within(quantile(times, 0.95))
	return d
}

// seen is how long after the release it was called bad.
func (o outcome) seen() time.Duration {
	if o.ending == failed {
		return o.after
	}
	return endless
}

// quantile is the smallest of the times that a share q of them is not above; endless of none.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return endless
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// within is a time that is zero where it is endless.
func within(d time.Duration) policy.Duration {
	if d == endless {
		return 0
	}
	return policy.Duration(d)
}

// of gives the detection of a factor.
func (r Result) of(factor float64) Detection {
	i := slices.IndexFunc(r.Seen, func(d Detection) bool { return d.Factor == factor })
	if i < 0 {
		return Detection{Factor: factor}
	}
	return r.Seen[i]
}
