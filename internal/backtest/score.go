package backtest

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"time"
)

// Score is how one row did in one setting, over all releases.
type Score struct {
	Row      Row      `json:"row"`
	Setting  string   `json:"setting"`
	Judged   int      `json:"judged"`           // releases that were passed or would have been reverted
	NoData   int      `json:"noData"`           // that could not be judged
	Errors   int      `json:"errors"`           // of which Prometheus told nothing
	Reverted int      `json:"reverted"`         // of those judged, that would have been reverted
	Bad      *int     `json:"bad,omitempty"`    // that an incident says were bad; nil where no incidents are known
	False    *int     `json:"false,omitempty"`  // of those reverted, that were not bad
	Missed   *int     `json:"missed,omitempty"` // of those bad, that would not have been reverted, also for want of data
	Detect   *Detect  `json:"timeToDetect,omitempty"`
	Reasons  []Reason `json:"reasons,omitempty"` // why some could not be judged, the most frequent first
}

// Detect is how long it took to tell that a bad release was bad, in seconds after its incident
// began, or after the release where that was later; below zero where it was told before people say
// that the incident began.
type Detect struct {
	Median float64 `json:"medianSeconds"`
	P95    float64 `json:"p95Seconds"`
	Of     int     `json:"of"` // releases
}

// Reason is why releases could not be judged.
type Reason struct {
	Reason   string `json:"reason"` // of one of them, numbers and all
	Releases int    `json:"releases"`
}

// score counts the outcomes of one row in one setting.
func score(row Row, setting string, results []Result) Score {
	s := Score{Row: row, Setting: setting}
	var times []time.Duration
	reasons := map[string]Reason{}
	for _, r := range results {
		i := slices.IndexFunc(r.Outcomes, func(o Outcome) bool { return o.Row == row && o.Setting == setting })
		if i < 0 {
			continue
		}
		o := r.Outcomes[i]
		s.count(o, r.Truth)
		switch {
		case o.State == NoData:
			key := alike(o.Reason)
			reasons[key] = Reason{cmp.Or(reasons[key].Reason, o.Reason), reasons[key].Releases + 1}
		case o.State == Reverted && r.Truth == Bad:
			times = append(times, detected(o, r))
		}
	}
	s.Detect = detect(times)
	for _, reason := range reasons {
		s.Reasons = append(s.Reasons, reason)
	}
	slices.SortFunc(s.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Releases, a.Releases), cmp.Compare(a.Reason, b.Reason))
	})
	return s
}

func (s *Score) count(o Outcome, t Truth) {
	switch o.State {
	case Reverted:
		s.Judged++
		s.Reverted++
	case Passed:
		s.Judged++
	case NoData:
		s.NoData++
	case Error:
		s.Errors++
	}
	if t == Unknown {
		return
	}
	if s.Bad == nil {
		s.Bad, s.False, s.Missed = new(int), new(int), new(int)
	}
	if t == Bad {
		*s.Bad++
	}
	switch verdict(o.State, t) {
	case False:
		*s.False++
	case Missed:
		*s.Missed++
	}
}

// detect is nil of nothing.
func detect(times []time.Duration) *Detect {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	rank := func(q float64) float64 { // nearest rank
		return times[int(math.Ceil(q*float64(len(times))))-1].Seconds()
	}
	return &Detect{Median: rank(0.5), P95: rank(0.95), Of: len(times)}
}

var digits = regexp.MustCompile(`[0-9][0-9.,:e+-]*%?`)

// alike is a reason without its numbers, by which reasons are counted together.
func alike(reason string) string { return digits.ReplaceAllString(reason, "#") }

// scores are all rows in their settings: gates by name, then all of a service's together where some
// service has more than one, then rules in the policy's order. A setting that changes nothing for a
// row is left out of it.
func scores(all []Setting, bakes []bake, results []Result) []Score {
	var out []Score
	for _, row := range rows(all[0], bakes) {
		for i, s := range all {
			if i == 0 || row.changed(s, all[0]) {
				out = append(out, score(row.Row, s.Name, results))
			}
		}
	}
	return out
}

// rows are the rows of all bakes, each with all gates that judge in it anywhere.
func rows(s Setting, bakes []bake) []jury {
	var all []jury
	together := false
	for _, b := range bakes {
		together = together || len(b.service.Gates) > 1
		for _, j := range b.juries() {
			i := slices.IndexFunc(all, func(o jury) bool { return o.Row == j.Row })
			if i < 0 {
				all = append(all, jury{j.Row, nil})
				i = len(all) - 1
			}
			all[i].gates = append(all[i].gates, j.gates...)
		}
	}
	if !together {
		all = slices.DeleteFunc(all, func(j jury) bool { return j.Kind == ByGates })
	}
	order := []Kind{ByGate, ByGates, ByRule}
	rule := func(j jury) int {
		for i, r := range s.policy.Rules {
			if r.Name == j.Name {
				return i
			}
		}
		return -1
	}
	slices.SortStableFunc(all, func(a, b jury) int {
		return cmp.Or(slices.Index(order, a.Kind)-slices.Index(order, b.Kind), rule(a)-rule(b), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func (j jury) changed(s, from Setting) bool { return s.changes(from, j.gates) }
