// Package backtest proves `guardian backtest` on a real Prometheus with 90 days of 20 services: that it
// finds the bad releases that were put there, and how long it takes. Its tests have the build tag e2e:
//
//	go test -tags e2e -count=1 -v ./internal/e2e/backtest
//
// Prometheus is Debian's; the history is written with Prometheus' own TSDB, two or three minutes' work.
// These environment variables change things:
//
//	GUARDIAN_BIN                 the guardian to test; else it is built
//	GUARDIAN_E2E_HISTORY         a folder that keeps the history from run to run
//	GUARDIAN_E2E_KEEP            a folder that gets the report and all logs
package backtest
