//go:build e2e

package e2e

import (
	"os"
	"testing"
)

// TestRealParts runs every case against the same Argo CD, Prometheus and pair of Alertmanagers, each
// with a service, an application and a Guardian of its own.
func TestRealParts(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(func() { w.report.print(os.Stdout) })
	for name, run := range map[string]func(*testing.T, *world){
		"manual-sync":          manualSync,
		"auto-sync":            autoSync,
		"helm-parameter":       helmParameter,
		"stuck-in-progress":    stuckInProgress,
		"closed-window":        closedWindow,
		"two-alertmanagers":    twoAlertmanagers,
		"forged-webhook":       forgedWebhook,
		"old-alert":            oldAlert,
		"prometheus-down":      prometheusDown,
		"argocd-down":          argocdDown,
		"answer-lost":          answerLost,
		"killed-before-effect": killedBeforeEffect,
		"killed-after-effect":  killedAfterEffect,
		"token-without-right":  tokenWithoutRight,
		"bad-flag":             badFlag,
		"flag-then-revert":     flagThenRevert,
		"no-ping-pong":         noPingPong,
		"undo":                 undo,
	} {
		t.Run(name, func(t *testing.T) { run(t, w) })
	}
}
