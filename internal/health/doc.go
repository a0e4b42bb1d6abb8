// Package health turns measurements into verdicts. A gate is asked once a look (Judge.Measure),
// every look gives a Finding with its reason, and a Judgement adds looks up until enough of them
// say good or bad. What decides is pure; only Judge asks anybody.
//
// One rule stands above all others: no measurement is never a pass.
package health
