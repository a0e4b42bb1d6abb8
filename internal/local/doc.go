// Package local is the whole Guardian in one process: webhooks and operator API on one port, a bbolt
// file for ledger, queue and workflow, and every hand in process. It is a real way to run Guardian for
// one cluster, and what `guardian serve` and `guardian demo` start.
//
//	webhook ─▶ intake (webhooks.go) ─▶ queue ─▶ dispatch (dispatch.go) ─▶ workflow ─▶ functions.go
//	                                            reconcile, outbox, expiry, reload: loops.go
package local
