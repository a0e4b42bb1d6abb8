package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/backtest"
)

// mostListed is how many releases of one verdict a page lists; the report has all.
const mostListed = 10

// Backtest shows what came of a replay. File is where the report is; "" is nowhere.
func (v View) Backtest(r backtest.Report, file string) string {
	p := v.page()
	p.hang(0, cell{"Backtest", bold}, text(replayed(r)))
	p.scores(r)
	p.unjudged(r)
	p.verdicts(r, backtest.False, "Would have been reverted falsely", red)
	p.verdicts(r, backtest.Missed, "Would have been missed", red)
	p.verdicts(r, backtest.Caught, "Would have been reverted rightly", green)
	p.verdicts(r, backtest.Revert, "Would have been reverted", yellow)
	p.notes(r)
	if file != "" {
		p.blank()
		p.line("%s", "report: "+clean(file))
	}
	return p.String()
}

// replayed says what was.
func replayed(r backtest.Report) string {
	words := fmt.Sprintf("%d %s of %d %s, %s to %s", r.Releases, plural(r.Releases, "release", "releases"),
		r.Targets, plural(r.Targets, "target", "targets"), r.From.UTC().Format("2006-01-02 15:04"), r.To.UTC().Format("2006-01-02 15:04 MST"))
	if r.Incidents != nil {
		words += fmt.Sprintf(", %d %s", *r.Incidents, plural(*r.Incidents, "incident", "incidents"))
	}
	return words
}

// scores is one table, the settings of a row below each other.
func (p *page) scores(r backtest.Report) {
	p.title("Scores")
	t := table{head: []string{"BY", "SETTING", "JUDGED", "NO DATA", "ERRORS", "REVERTED", "FALSE", "MISSED", "TO DETECT (P95)"}}
	var before backtest.Row
	for _, s := range r.Scores {
		by := s.Row.Name
		if s.Row.Kind != backtest.ByGates {
			by = string(s.Row.Kind) + " " + by
		}
		if s.Row == before && p.Width > 0 {
			by = "" // piped, every line stands for itself
		}
		before = s.Row
		detect := "-"
		if s.Detect != nil {
			detect = fmt.Sprintf("%s (%s)", seconds(s.Detect.Median), seconds(s.Detect.P95))
		}
		setting := s.Setting
		if len(r.Settings) == 1 {
			setting = ""
		}
		t.add(cell{by, bold}, text(setting), right(s.Judged), right(s.NoData), noted(s.Errors), right(s.Reverted),
			count(s.False), count(s.Missed), text(detect))
	}
	p.b.WriteString(p.table(t, 2))
}

func right(n int) cell { return text(strconv.Itoa(n)) }

// noted is a number that is worth a column only where it is above zero.
func noted(n int) cell {
	if n == 0 {
		return text("")
	}
	return cell{strconv.Itoa(n), red}
}

// count is a number of mistakes; "-" is not known, which is not 0.
func count(n *int) cell {
	switch {
	case n == nil:
		return text("-")
	case *n == 0:
		return cell{"0", green}
	}
	return cell{strconv.Itoa(*n), red}
}

func seconds(s float64) string { return span(time.Duration(s * float64(time.Second))) }

// unjudged says why releases could not be judged, by the policy as it is.
func (p *page) unjudged(r backtest.Report) {
	t := table{head: []string{"RELEASES", "BY", "WHY, OF ONE OF THEM"}}
	for _, s := range r.Scores {
		if s.Setting != backtest.AsInPolicy {
			continue
		}
		for _, reason := range s.Reasons {
			t.add(right(reason.Releases), text(s.Row.Name), text(reason.Reason))
		}
	}
	if len(t.rows) > 0 {
		p.title("Could not be judged")
		p.b.WriteString(p.table(t, 2))
	}
}

// verdicts lists releases of one verdict, by the policy as it is.
func (p *page) verdicts(r backtest.Report, verdict backtest.Verdict, title string, s style) {
	t := table{head: []string{"RELEASE", "OF", "AT (UTC)", "AFTER", "WHY"}}
	found := 0
	for _, one := range r.Results {
		if one.Verdict != verdict {
			continue
		}
		if found++; found > mostListed {
			continue
		}
		after := ""
		if !one.Headline.At.IsZero() {
			after = span(one.Headline.At.Sub(one.At))
		}
		t.add(cell{one.Release.Release, s}, text(one.Target.String()), text(one.At.UTC().Format("2006-01-02 15:04:05")), text(after), text(one.Headline.Reason))
	}
	if found == 0 {
		return
	}
	p.title(fmt.Sprintf("%s: %d", title, found))
	p.b.WriteString(p.table(t, 2))
	if found > mostListed {
		p.line("  and %d more", found-mostListed)
	}
}

// notes are what the numbers do not say.
func (p *page) notes(r backtest.Report) {
	var notes []string
	if r.Incidents == nil {
		notes = append(notes, "No incidents are known (--incidents), so nobody can say what was false or missed.")
	}
	if len(r.Unrecorded) > 0 {
		notes = append(notes, fmt.Sprintf("No alert of %s is on record in that time: judged by the gates alone.",
			plural(len(r.Unrecorded), "rule ", "rules ")+strings.Join(r.Unrecorded, ", ")))
	}
	if r.Errors > 0 {
		notes = append(notes, fmt.Sprintf("Prometheus gave no answer about %d %s.", r.Errors, plural(r.Errors, "release", "releases")))
	}
	if r.Resumed > 0 {
		notes = append(notes, fmt.Sprintf("%d of the releases were judged by an earlier run.", r.Resumed))
	}
	if len(notes) == 0 {
		return
	}
	p.blank()
	for _, note := range notes {
		for _, line := range wrap(clean(note), p.columns()) {
			p.line("%s", line)
		}
	}
}

// Progress is a bar for a terminal: how much is done, and when it will be.
func (v View) Progress(done, all int, elapsed time.Duration) string {
	const width = 30
	if all <= 0 || done <= 0 {
		return ""
	}
	filled := width * min(done, all) / all
	left := time.Duration(float64(elapsed) / float64(done) * float64(all-done))
	return fmt.Sprintf("[%s%s] %d of %d releases, %s left", strings.Repeat("#", filled), strings.Repeat(".", width-filled), done, all, span(left))
}
