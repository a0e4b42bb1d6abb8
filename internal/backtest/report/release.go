package report

import (
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/health"
)

// releaseOf is one release, with its plots where they are wanted.
func releaseOf(r backtest.Result, plots bool) release {
	out := release{
		Name: r.Release.Release, Target: r.Target.String(), At: stamp(r.At), Verdict: string(r.Verdict), Class: class(r.Verdict),
		Why: r.Headline.Reason, Open: r.Verdict == backtest.False || r.Verdict == backtest.Missed,
	}
	if !plots {
		return out
	}
	out.Story = story(r)
	if f := r.Headline.Finding; f != nil {
		out.Facts, out.Link = measured(f), f.Link
	}
	for _, p := range r.Plots {
		out.Plots = append(out.Plots, draw(p, r))
	}
	return out
}

func class(v backtest.Verdict) string {
	switch v {
	case backtest.False, backtest.Missed:
		return "bad"
	case backtest.Caught, backtest.Rightly:
		return "good"
	case backtest.Revert, backtest.Failed:
		return "warn"
	}
	return ""
}

// story tells the verdict in sentences.
func story(r backtest.Result) []string {
	o := r.Headline
	var all []string
	switch o.State {
	case backtest.Reverted:
		all = append(all, fmt.Sprintf("Would have been reverted at %s, %s after the release, by %s.", clock(o.At), span(o.At.Sub(r.At)), o.Reason))
	case backtest.Passed:
		all = append(all, fmt.Sprintf("Would have been left alone up to the end of its bake at %s, %s after the release. At last: %s.", clock(r.End), span(r.End.Sub(r.At)), o.Reason))
	case backtest.NoData:
		all = append(all, fmt.Sprintf("Could not be judged: %s.", o.Reason))
	default:
		all = append(all, fmt.Sprintf("Was not asked about: %s.", o.Reason))
	}
	switch {
	case r.Fault != nil:
		began := span(r.Fault.From.Sub(r.At)) + " after"
		if r.Fault.From.Equal(r.At) {
			began = "with"
		}
		all = append(all, fmt.Sprintf("It was bad: an incident began %s the release and lasted %s.", began, span(r.Fault.To.Sub(r.Fault.From))))
	case r.Truth == backtest.Good:
		all = append(all, "No incident began in its bake.")
	}
	if len(r.Earlier) > 0 {
		all = append(all, fmt.Sprintf("An incident that had begun %s before the release went on; it is not this release's fault and counts for nothing.", span(r.At.Sub(r.Earlier[0].From))))
	}
	return all
}

func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) }

// measured are the facts of the finding that decided, or of the last.
func measured(f *health.Finding) []fact {
	all := []fact{{"gate", f.Gate, ""}, {"said", string(f.Verdict) + " at " + clock(f.At), ""}}
	if f.Value != nil {
		all = append(all, fact{"value", fmt.Sprintf("%.4g", *f.Value), ""})
	}
	if f.Threshold != "" {
		all = append(all, fact{"held against", f.Threshold, ""})
	}
	if f.Evidence != nil {
		all = append(all, fact{"evidence", f.Evidence.String(), ""})
	}
	all = append(all, fact{"over", window(f.Window), ""})
	if f.Query != "" {
		all = append(all, fact{"query", f.Query, "code"})
	}
	return all
}

func window(text string) string {
	if text == "" || text == "0s" {
		return "nothing yet"
	}
	return text
}

// since is a moment in seconds from the release.
func since(r backtest.Result, t time.Time) float64 { return t.Sub(r.At).Seconds() }
