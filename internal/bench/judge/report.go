package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

type report struct {
	Machine string  `json:"machine"`
	Options options `json:"options"`
	Rows    []row   `json:"rows"`
}

func (r report) print(out io.Writer) {
	fmt.Fprintf(out, "machine: %s\nseed %d, %d bakes a row; a rate of 0%% is at most %s, one of 5%% may truly be %s higher (Clopper and Pearson, 95%%)\n",
		r.Machine, r.Options.Seed, r.Options.Runs, percent(r.upperOfNone()), percent(r.errorAt(.05)))
	fmt.Fprintf(out, "Half an hour of baseline, half an hour of bake, a look every %.0f s; %g%% of the requests are bad before the change.\n", look, 100*base)
	fmt.Fprintf(out, "1x is a healthy release: how many of its bakes are called bad. Else seconds until half / 95%% of the bakes are called bad.\n\n")
	for _, c := range contenders() {
		fmt.Fprintf(out, "- %s: %s\n", c.name, c.words)
	}
	for _, stream := range courseNames() {
		fmt.Fprintf(out, "\n%s: %s\n\n", strings.ToUpper(stream[:1])+stream[1:], courses()[stream].words)
		r.table(out, r.rules(stream))
		fmt.Fprintf(out, "\n%s\n", r.passed(stream))
	}
	fmt.Fprintf(out, "\nStationary, against Wald's bound (seconds; times the bound):\n\n")
	r.table(out, r.walds())
	fmt.Fprintf(out, "\nTargets:\n\n")
	for _, t := range r.targets() {
		t.print(func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) })
	}
}

func (r report) upperOfNone() float64 { _, high := tally{Runs: r.Options.Runs}.bounds(); return high }

func (r report) errorAt(share float64) float64 {
	t := tally{Runs: r.Options.Runs}
	t.At[0] = int(share * float64(t.Runs))
	_, high := t.bounds()
	return high - share
}

// of gives the rows of one stream.
func (r report) of(stream string) (rows []row) {
	for _, each := range r.Rows {
		if each.Stream == stream {
			rows = append(rows, each)
		}
	}
	return rows
}

func (r report) rules(stream string) [][]string {
	head := []string{"req/s", "errors"}
	for _, c := range contenders() {
		if c.name != knownRatio {
			head = append(head, c.name)
		}
	}
	table := [][]string{head}
	for _, each := range r.of(stream) {
		line := []string{fmt.Sprintf("%g", each.RPS), fmt.Sprintf("%gx", each.Factor)}
		for _, name := range head[2:] {
			line = append(line, each.Tallies[name].words(each.Factor == 1))
		}
		table = append(table, line)
	}
	return table
}

// passed says of how many releases Guardian was sure early that they are well.
func (r report) passed(stream string) string {
	healthy, worst := map[string][]string{}, map[string]float64{}
	for _, each := range r.of(stream) {
		for _, name := range []string{beforeAfter, sideBySide} {
			t := each.Tallies[name]
			share := float64(t.Passed) / float64(t.Runs)
			if each.Factor == 1 {
				healthy[name] = append(healthy[name], percent(share))
			} else {
				worst[name] = max(worst[name], share)
			}
		}
	}
	return fmt.Sprintf("Called well before the end of the bake, from thin to dense traffic: before/after %s of healthy releases and at most %s of any bad ones; side by side %s and %s.",
		strings.Join(healthy[beforeAfter], ", "), percent(worst[beforeAfter]), strings.Join(healthy[sideBySide], ", "), percent(worst[sideBySide]))
}

func (r report) walds() [][]string {
	table := [][]string{{"req/s", "errors", "Wald, ratio known", knownRatio, "Wald, from the baseline", beforeAfter, "Wald, side by side", sideBySide}}
	for _, each := range r.of("stationary") {
		bound, from, beside := wald(each.RPS, each.Factor), waldFromBaseline(each.RPS, each.Factor), waldSideBySide(each.RPS, each.Factor)
		if math.IsInf(bound, 1) {
			continue
		}
		table = append(table, []string{
			fmt.Sprintf("%g", each.RPS), fmt.Sprintf("%gx", each.Factor),
			bounded(bound), times(each.Tallies[knownRatio].median(), bound),
			bounded(from), times(each.Tallies[beforeAfter].median(), from),
			bounded(beside), times(each.Tallies[sideBySide].median(), beside),
		})
	}
	return table
}

func bounded(s float64) string {
	switch {
	case math.IsInf(s, 1):
		return "never"
	case s < 10:
		return fmt.Sprintf("%.2g", s)
	}
	return fmt.Sprintf("%.0f", s)
}

func times(median, bound float64) string {
	if math.IsInf(median, 1) {
		return inSeconds(median)
	}
	return fmt.Sprintf("%.0f (%.1fx)", median, median/bound)
}

func (r report) table(out io.Writer, lines [][]string) {
	if r.Options.markdown {
		for i, line := range lines {
			fmt.Fprintf(out, "| %s |\n", strings.Join(line, " | "))
			if i == 0 {
				fmt.Fprintf(out, "|%s\n", strings.Repeat("---|", len(line)))
			}
		}
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	_ = w.Flush() // to a writer that errors are not told of either
}
