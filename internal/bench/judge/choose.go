package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// choose lines up what a person may set: how long Guardian takes at different tolerances and
// alphas, how many healthy bakes each calls bad, and how many it lets pass early.
func choose(ctx context.Context, o options, out io.Writer) error {
	var rules []contender
	for _, tolerance := range []float64{.1, .25, .5, 1} {
		rules = append(rules, setting(tolerance, alpha))
	}
	for _, alpha := range []float64{.01, .2} {
		rules = append(rules, setting(tolerance, alpha))
	}
	rows, err := play(ctx, stationary(), rules, o.Seed, o.Runs, progress(os.Stderr, len(stationary())))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "machine: %s\nseed %d, %d bakes a row\n\n", machine(), o.Seed, o.Runs)
	table := [][]string{{"bad/min before", "errors"}}
	for _, rule := range rules {
		table[0] = append(table[0], rule.name)
	}
	for _, each := range rows {
		line := []string{fmt.Sprintf("%g", each.RPS*base*minute), fmt.Sprintf("%gx", each.Factor)}
		for _, rule := range rules {
			t := each.Tallies[rule.name]
			cell := t.words(each.Factor == 1)
			if each.Factor == 1 {
				cell = fmt.Sprintf("%s bad, %s passed early", cell, percent(float64(t.Passed)/float64(t.Runs)))
			}
			line = append(line, cell)
		}
		table = append(table, line)
	}
	report{Options: o}.table(out, table)
	return nil
}

func setting(tolerance, alpha float64) contender {
	return contender{
		name: fmt.Sprintf("tolerance %g%%, alpha %g%%", 100*tolerance, 100*alpha),
		rule: gate{tolerance: tolerance, alpha: alpha},
	}
}

// stationary are the worlds in which nothing moves but what was shipped.
func stationary() (all []world) {
	for _, w := range worlds() {
		if w.Stream == courseNames()[0] {
			all = append(all, w)
		}
	}
	return all
}
