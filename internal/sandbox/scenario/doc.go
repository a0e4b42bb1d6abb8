// Package scenario runs the alert flow in a small world with a time of its own: Argo CD, metrics that
// follow what runs, a flagd document, and a ledger that can fail. Nothing in it waits: an hour takes
// milliseconds, and the same timeline gives the same ledger, line for line.
//
//	timeline ─▶ World ─▶ webhook ─▶ Dispatch ─▶ steps of the flow ─▶ ledger, effects
//	                     every minute: reconcile, prove, expire
//
// A scenario is a txtar file of a policy, a timeline (see timeline.go for its words) and the ledger
// that is wanted; Run gives the ledger that came of it.
package scenario
