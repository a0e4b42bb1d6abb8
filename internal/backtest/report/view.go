package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/cinegit/guardian/internal/backtest"
)

// view is all that the page shows, in words.
type view struct {
	Title, Made string
	Facts       []fact
	Notes       []string
	Scores      []score
	Settings    bool // there is more than the policy's own
	Reasons     []reason
	Targets     []target
	Releases    []release
	Unplotted   []release
	MostPlots   int
}

type fact struct{ Label, Value, Class string }

type score struct {
	By, Setting                                     string
	Judged, NoData, Errors, Reverted, False, Missed string
	Median, P95                                     string
	FalseClass, MissedClass                         string
	First                                           bool // of its row
}

type reason struct {
	Releases int
	By, Why  string
}

type target struct {
	Name                         string
	Releases, Reverted, Unjudged int
	False, Missed                string
	FalseClass, MissedClass      string
}

type release struct {
	Name, Target, At, Verdict, Class, Why string
	Open                                  bool
	Story                                 []string
	Facts                                 []fact
	Link                                  string
	Plots                                 []plot
}

func viewOf(r backtest.Report, o Options) view {
	v := view{
		Title: fmt.Sprintf("Backtest %s to %s", day(r.From), day(r.To.Add(-time.Second))),
		Made:  fmt.Sprintf("written %s by guardian %s; times are UTC", stamp(o.Now), o.Version),
		Notes: notes(r), Settings: len(r.Settings) > 1, MostPlots: mostPlots,
	}
	v.Facts = facts(r)
	var before backtest.Row
	for _, s := range r.Scores {
		v.Scores = append(v.Scores, scoreOf(s, s.Row != before))
		before = s.Row
		for _, why := range s.Reasons {
			if s.Setting == backtest.AsInPolicy {
				v.Reasons = append(v.Reasons, reason{why.Releases, s.Row.Name, why.Reason})
			}
		}
	}
	v.Targets = targets(r)
	for i, one := range r.Results {
		if i < mostPlots {
			v.Releases = append(v.Releases, releaseOf(one, true))
		} else {
			v.Unplotted = append(v.Unplotted, releaseOf(one, false))
		}
	}
	return v
}

// facts are the numbers that one wants first, of the policy as it is.
func facts(r backtest.Report) []fact {
	n := map[backtest.Verdict]int{}
	for _, one := range r.Results {
		n[one.Verdict]++
	}
	all := []fact{
		{"releases", strconv.Itoa(r.Releases), ""},
		{"targets", strconv.Itoa(r.Targets), ""},
	}
	if r.Incidents == nil {
		return append(all, fact{"would have been reverted", strconv.Itoa(n[backtest.Revert]), ""}, fact{"incidents known", "none", ""})
	}
	return append(all,
		fact{"incidents", strconv.Itoa(*r.Incidents), ""},
		fact{"bad releases caught", strconv.Itoa(n[backtest.Caught]), ""},
		fact{"missed", strconv.Itoa(n[backtest.Missed]), badIf(n[backtest.Missed])},
		fact{"false reverts", strconv.Itoa(n[backtest.False]), badIf(n[backtest.False])})
}

func badIf(n int) string {
	if n > 0 {
		return "bad"
	}
	return "good"
}

func notes(r backtest.Report) []string {
	var all []string
	if r.Incidents == nil {
		all = append(all, "No incidents were given, so nobody can say which reverts would have been false and what would have been missed.")
	}
	if len(r.Unrecorded) > 0 {
		all = append(all, fmt.Sprintf("No alert of these rules is on record in that time, so that they are judged by their gates alone: %s.", strings.Join(r.Unrecorded, ", ")))
	}
	if r.Errors > 0 {
		all = append(all, fmt.Sprintf("Prometheus gave no answer about %d of the releases: they are in no score.", r.Errors))
	}
	return all
}

func scoreOf(s backtest.Score, first bool) score {
	out := score{
		By: s.Row.Name, Setting: s.Setting, First: first,
		Judged: strconv.Itoa(s.Judged), NoData: strconv.Itoa(s.NoData), Errors: strconv.Itoa(s.Errors), Reverted: strconv.Itoa(s.Reverted),
		Median: "-", P95: "-",
	}
	if s.Row.Kind != backtest.ByGates {
		out.By = string(s.Row.Kind) + " " + s.Row.Name
	}
	out.False, out.FalseClass = count(s.False)
	out.Missed, out.MissedClass = count(s.Missed)
	if s.Detect != nil {
		out.Median, out.P95 = span(seconds(s.Detect.Median)), span(seconds(s.Detect.P95))
	}
	return out
}

// count is a number of mistakes; "-" is not known, which is not 0.
func count(n *int) (text, class string) {
	if n == nil {
		return "-", ""
	}
	return strconv.Itoa(*n), badIf(*n)
}

// targets is what came of each target by the policy as it is, those with the most mistakes first.
func targets(r backtest.Report) []target {
	byName := map[string]*target{}
	wrong := map[string]int{}
	mistakes := map[string][2]int{}
	for _, one := range r.Results {
		name := one.Target.String()
		t := byName[name]
		if t == nil {
			t = &target{Name: name}
			byName[name] = t
		}
		t.Releases++
		m := mistakes[name]
		switch one.Headline.State {
		case backtest.Reverted:
			t.Reverted++
		case backtest.NoData, backtest.Error:
			t.Unjudged++
		}
		switch one.Verdict {
		case backtest.False:
			m[0]++
		case backtest.Missed:
			m[1]++
		}
		mistakes[name], wrong[name] = m, m[0]+m[1]
	}
	var all []target
	for name, t := range byName {
		m := mistakes[name]
		if r.Incidents == nil {
			t.False, t.Missed = "-", "-"
		} else {
			t.False, t.FalseClass = count(&m[0])
			t.Missed, t.MissedClass = count(&m[1])
		}
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b target) int {
		return cmp.Or(wrong[b.Name]-wrong[a.Name], b.Unjudged-a.Unjudged, strings.Compare(a.Name, b.Name))
	})
	return all
}

func day(t time.Time) string   { return t.UTC().Format(time.DateOnly) }
func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// span is a duration to the second.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	if d < 0 {
		return "-" + model.Duration(-d).String()
	}
	return model.Duration(d).String()
}
