package main

import (
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/outbox"
)

func TestOnlyWhatPeopleWereNotToldRingsTheAlarm(t *testing.T) {
	for outcome, want := range map[string]int{outbox.Sent: 0, outbox.Refused: 1, outbox.Failed: 1} {
		var log strings.Builder
		counting(lambdakit.NewMetrics(&log, "notify", time.Now))("slack", outcome)
		if got := strings.Count(log.String(), `"Untold":1`); got != want || !strings.Contains(log.String(), `"Outcome":"`+outcome+`"`) {
			t.Errorf("%s: %s", outcome, log.String())
		}
	}
}
