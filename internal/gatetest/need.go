package gatetest

import (
	"context"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

const (
	longest  = 4 * time.Hour      // bake that is tried on the traffic
	farthest = 7 * 24 * time.Hour // bake that the growth of the evidence is followed to
	longOnes = 16                 // releases that are baked so long
	fewLong  = 8                  // fewer say too little
)

// needs tells how long a bake would see the regressions that too few bakes are long enough for:
// the releases are baked on, over the traffic that followed.
func (t *tester) needs(ctx context.Context, s ships, worse regression, seen []Detection) ([]Need, error) {
	var needs []Need
	var readings []health.Reading
	bake, releases := t.longBakes(s)
	for _, d := range seen {
		if d.Rate() >= enough || d.Factor != 2 && d.Factor != wanted {
			continue
		}
		if why := worse.bears(t.gate, d.Factor); why != "" {
			needs = append(needs, Need{Factor: d.Factor, Words: why})
			continue
		}
		if len(releases) == 0 {
			needs = append(needs, Need{Factor: d.Factor, Words: "there is too little history to tell how long a bake it takes"})
			continue
		}
		if readings == nil {
			var err error
			if readings, err = t.read(ctx, releases, bake); err != nil {
				return nil, err
			}
		}
		needs = append(needs, t.need(readings, worse, d.Factor, bake))
	}
	return needs, nil
}

// longBakes gives the longest bake that enough releases have traffic for, and these.
func (t *tester) longBakes(s ships) (bake time.Duration, releases []time.Time) {
	for bake = longest; bake > t.Bake; bake = (bake / 2).Round(time.Minute) {
		if releases = s.some(longOnes, bake, t.Until); len(releases) >= fewLong {
			return bake, releases
		}
	}
	return bake, nil
}

// need is the bake in which a share enough of the regressions is seen.
func (t *tester) need(readings []health.Reading, worse regression, factor float64, bake time.Duration) Need {
	n := Need{Factor: factor}
	outcomes := t.judge(readings, worse, factor)
	times := make([]time.Duration, len(outcomes))
	for i, o := range outcomes {
		times[i] = o.seen()
	}
	if at := quantile(times, enough); at < endless {
		n.Bake = policy.Duration(max(minutes(at).D(), t.Bake))
		n.Words = fmt.Sprintf("a bake of %s sees %s of them", n.Bake, percent(enough))
		if at <= t.Bake { // fewer releases are baked long than short
			n.Words = fmt.Sprintf("a bake little longer than %s sees %s of them", n.Bake, percent(enough))
		}
		return n
	}
	threshold := ""
	for i, o := range outcomes {
		if o.ending != open {
			continue
		}
		if times[i] = o.follow(); times[i] == endless && o.finding.Evidence != nil {
			threshold = o.finding.Threshold
		}
	}
	if at := quantile(times, enough); at < farthest {
		n.Bake, n.Estimated = minutes(at), true
		n.Words = fmt.Sprintf("by the growth of the evidence it takes a bake of about %s to see %s of them", n.Bake, percent(enough))
		return n
	}
	n.Words = fmt.Sprintf("no bake of up to %s sees %s of them", policy.Duration(bake), percent(enough))
	if threshold != "" {
		n.Words += fmt.Sprintf(", as after a baseline this short or unsteady up to %s counts as well: lengthen baseline.before", threshold)
	}
	return n
}

// follow draws out how the evidence grew over the second half of a bake, up to where it decides.
func (o outcome) follow() time.Duration {
	half, end := o.halfway.Evidence, o.finding.Evidence
	if half == nil || end == nil || end.Harm <= half.Harm {
		return endless
	}
	passed := o.finding.At.Sub(o.halfway.At).Seconds()
	left := (end.Bar - end.Harm) / (end.Harm - half.Harm) * passed
	if left > farthest.Seconds() {
		return endless
	}
	return o.after + time.Duration(left*float64(time.Second))
}

// minutes rounds up.
func minutes(d time.Duration) policy.Duration {
	return policy.Duration((d + time.Minute - 1).Truncate(time.Minute))
}
