// Package local is the whole Guardian in one process: webhooks and operator API on one port, a bbolt
// file for ledger, queue and workflow, and every hand in process. It is a real way to run Guardian for
// one cluster, and what `guardian serve` and `guardian demo` start.
//
//	webhook ─▶ intake ─▶ queue ─▶ dispatch ─▶ workflow ─▶ step (functions.go)
//	                     reconcile, outbox, upkeep, reload: loops.go
//
// The rooms intake, dispatch, step, upkeep, outbox and operator are those of the functions on AWS too;
// here is only what is one process.
package local
