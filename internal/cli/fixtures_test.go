package cli_test

import (
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

var prod = ledger.Target{Service: "review", Stage: "prod"}

func finding(gate string, verdict health.Verdict, value float64, reason, when string) health.Finding {
	return health.Finding{
		Gate: gate, Verdict: verdict, Reason: reason, Value: &value, Threshold: "5%", Window: "1m", At: at(when),
		Query: `(sum(increase(http_requests_total{service="review",env="prod",code=~"5.."}[1m]))) / (sum(increase(http_requests_total{service="review",env="prod"}[1m])))`,
		Link:  "https://prometheus.cinegit.io/graph?g0.expr=sum%28increase%28http_requests_total%7Bservice%3D%22review%22%7D%5B1m%5D%29%29&g0.tab=0",
	}
}

func revert(outcome string) ledger.Remedy {
	return ledger.Remedy{
		Kind: policy.RemedyRevert, Bad: "bad0bad0bad0bad0", BadName: "image.tag=v1.9.3", ToName: "image.tag=v1.9.2",
		To: &deploy.Entry{ID: 41}, Tried: outcome != "", Outcome: outcome,
	}
}

func flip(refused string) ledger.Remedy {
	return ledger.Remedy{Kind: policy.RemedyFlag, Flag: "timeline-merge", Safe: "off", Refused: refused}
}

// healed is an incident in which one remedy was refused and the other helped.
func healed() api.Explained {
	bad := finding("errors", health.Fail, 0.1234, "12.3% of 1840 requests failed, above 5%", "16:02:41")
	good := finding("errors", health.Pass, 0.002, "0.2% of 1765 requests failed, not above 5%", "16:05:21")
	suspects := []ledger.Suspect{
		{Kind: ledger.SuspectParameter, Name: "image.tag=v1.9.3", Score: 0.912, At: at("16:01:15"),
			Reason: "Helm parameters changed from image.tag=v1.9.2 to image.tag=v1.9.3 at the same revision 55s before the alert began; no other change of it is on record for the week before"},
		{Kind: ledger.SuspectFlag, Name: "timeline-merge", Score: 0.31, At: at("15:49:00"),
			Reason: "flag timeline-merge went from off to on 13m10s before the alert began; it changed 4 times in the week before"},
	}
	plan := []ledger.Remedy{flip("kim changed it after the alert began"), revert("")}
	inc := ledger.Incident{
		ID: "review-prod-1f2e3d4c", Target: prod, Rule: "5xx", Mode: policy.Act, StartsAt: at("16:02:10"), OpenedAt: at("16:02:40"),
		Alerts: []ledger.Alert{{Name: "High5xxRate", StartsAt: at("16:02:10"), ResolvedAt: at("16:06:40"), Summary: "more than 5% of the requests to review fail",
			Link: "https://prometheus.cinegit.io/graph?g0.expr=alert", Runbook: "https://runbooks.cinegit.io/high-5xx"}},
		Step: ledger.StepEnd, Suspects: suspects, Plan: []ledger.Remedy{plan[0], revert("it helped")}, Current: 1,
		Effects: []ledger.Effect{
			{Kind: ledger.EffectAutoSync, What: "switch auto-sync off", DecidedAt: at("16:02:44"), DoneAt: at("16:02:45")},
			{Kind: ledger.EffectRollback, What: "roll review-prod from image.tag=v1.9.3 to image.tag=v1.9.2 (history id 41)", DecidedAt: at("16:02:46"), DoneAt: at("16:02:47")},
		},
		End: ledger.Healed, EndedAt: at("16:05:21"),
		Reason: "revert release image.tag=v1.9.3 to image.tag=v1.9.2 (history id 41); healed 2m41s after the alert came in",
	}
	events := []ledger.Event{
		{At: at("16:02:40"), Kind: ledger.EventAlert, Step: ledger.StepConfirm, Text: "alert High5xxRate fires since 16:02:10 UTC: more than 5% of the requests to review fail"},
		{At: at("16:02:41"), Kind: ledger.EventEvidence, Step: ledger.StepConfirm, Text: "confirmed on the metrics: errors: " + bad.Reason, Findings: []health.Finding{bad}},
		{At: at("16:02:42"), Kind: ledger.EventDecision, Step: ledger.StepBlame, Text: "most likely: …", Suspects: suspects},
		{At: at("16:02:43"), Kind: ledger.EventDecision, Step: ledger.StepChoose, Text: "chosen: …", Plan: plan},
		{At: at("16:02:44"), Kind: ledger.EventDecision, Step: ledger.StepAct, Text: "about to switch auto-sync off"},
		{At: at("16:02:45"), Kind: ledger.EventEffect, Step: ledger.StepAct, Text: "switch auto-sync off"},
		{At: at("16:02:46"), Kind: ledger.EventDecision, Step: ledger.StepAct, Text: "about to roll review-prod from image.tag=v1.9.3 to image.tag=v1.9.2 (history id 41)"},
		{At: at("16:02:47"), Kind: ledger.EventEffect, Step: ledger.StepAct, Text: "roll review-prod from image.tag=v1.9.3 to image.tag=v1.9.2 (history id 41)"},
		{At: at("16:03:11"), Kind: ledger.EventEvidence, Step: ledger.StepSettle, Text: "live: the operation succeeded, image.tag=v1.9.2 runs and is Healthy"},
		{At: at("16:05:21"), Kind: ledger.EventEvidence, Step: ledger.StepVerify, Text: "healed: errors: " + good.Reason, Findings: []health.Finding{good}},
		{At: at("16:05:21"), Kind: ledger.EventEnd, Step: ledger.StepEnd, End: ledger.Healed, Text: "Healed: " + inc.Reason},
	}
	return api.Explained{Incident: inc, Events: events}
}

// dirty is an incident in which nothing helped, over midnight in the reader's zone.
func dirty() api.Explained {
	inc := ledger.Incident{
		ID: "review-prod-0badc0de", Target: prod, Rule: "rule 2", Mode: policy.Act, StartsAt: at("22:58:50"), OpenedAt: at("22:59:00"),
		Alerts: []ledger.Alert{{Name: "High5xxRate", StartsAt: at("22:58:50")}},
		Step:   ledger.StepEnd, Plan: []ledger.Remedy{flip(""), revert("")}, Current: 0,
		Effects: []ledger.Effect{
			{Kind: ledger.EffectFlag, What: "put flag timeline-merge from on to its safe variant off", DecidedAt: at("22:59:10"), DoneAt: at("22:59:11"), UndoneAt: at("23:40:00"), UndoneBy: "kim"},
			{Kind: ledger.EffectRollback, What: "roll review-prod to v1", DecidedAt: at("23:01:00")},
			{Kind: ledger.EffectPin, What: "pin the source", DecidedAt: at("23:01:05"), Refused: true},
		},
		End: ledger.FailedDirty, EndedAt: at("23:02:00"), Reason: "no remedy is left; a person must look", UndoneAt: at("23:40:00"), UndoneBy: "kim",
	}
	left := []ledger.Remedy{{Kind: policy.RemedyFlag, Flag: "timeline-merge", Safe: "off", Tried: true, Outcome: "it did not help: errors: 11% failed"},
		{Kind: policy.RemedyRevert, BadName: "v2", Refused: "no earlier release is left in Argo CD's history"}}
	return api.Explained{Incident: inc, Events: []ledger.Event{
		{At: at("22:58:45"), Kind: ledger.EventAlert, Text: "alert High5xxRate fires"},
		{At: at("22:59:05"), Kind: ledger.EventTrouble, Step: ledger.StepBlame, Text: "Argo CD could not be read: connection refused; trying again"},
		{At: at("22:59:11"), Kind: ledger.EventEffect, Step: ledger.StepAct, Text: "put flag timeline-merge from on to its safe variant off"},
		{At: at("23:00:59"), Kind: ledger.EventRefusal, Step: ledger.StepChoose, Text: "no remedy is left; …", Plan: left},
		{At: at("23:02:00"), Kind: ledger.EventEnd, End: ledger.FailedDirty, Text: "FailedDirty: no remedy is left; a person must look"},
		{At: at("23:40:00"), Kind: ledger.EventPerson, Text: "kim undoes what Guardian did", By: "kim"},
	}}
}

// asking is an incident that waits for a person.
func asking() api.Explained {
	remedy := revert("")
	remedy.Ask = "image.tag=v1.9.2 never proved good here; no release did"
	inc := ledger.Incident{
		ID: "review-prod-a5a5a5a5", Target: prod, Rule: "5xx", Mode: policy.Suggest, StartsAt: at("17:20:00"), OpenedAt: at("17:20:20"),
		Alerts: []ledger.Alert{{Name: "High5xxRate", StartsAt: at("17:20:00")}},
		Step:   ledger.StepApprove, AskedAt: at("17:20:30"), Plan: []ledger.Remedy{remedy}, Current: 0,
	}
	return api.Explained{Incident: inc, Events: []ledger.Event{
		{At: at("17:20:29"), Kind: ledger.EventDecision, Step: ledger.StepChoose, Text: "chosen: …", Plan: []ledger.Remedy{remedy, flip("")}},
	}}
}

// held is an incident about which the metrics say nothing.
func held() api.Explained {
	none := health.Finding{Gate: "errors", Verdict: health.Error, Reason: "no answer from Prometheus: connection refused", At: at("17:29:00")}
	inc := ledger.Incident{
		ID: "review-prod-4e1d0000", Target: prod, Rule: "5xx", Mode: policy.Act, StartsAt: at("17:28:30"), OpenedAt: at("17:29:00"),
		Step: ledger.StepConfirm, HeldSince: at("17:29:00"), Current: -1,
	}
	return api.Explained{Incident: inc, Events: []ledger.Event{
		{At: at("17:29:00"), Kind: ledger.EventDecision, Step: ledger.StepConfirm, Findings: []health.Finding{none},
			Text: "held: no measurement is neither good nor bad (Error: errors: no answer from Prometheus: connection refused); asking again until the alert is 20m old"},
	}}
}

// status is a busy day.
func status() api.Status {
	return api.Status{
		Version: "v0.2.0", Now: at("17:30:00"), Started: at("03:12:00"), Mode: policy.Act,
		Policy:      api.PolicyStatus{File: "/etc/guardian/guardian.yaml", LoadedAt: at("03:12:00"), Problem: "/etc/guardian/guardian.yaml:12:3: unknown field sevices\n      sevices:\n      ^\nfix: did you mean services?"},
		Connections: []api.Connection{{Name: "argocd", OK: true}, {Name: "prometheus", Why: "prometheus: no answer within 10s: context deadline exceeded"}, {Name: "flags", OK: true}},
		Queue:       api.Queue{Depth: 3, Dead: 1},
		Targets: []api.Target{
			{Target: ledger.Target{Service: "review", Stage: "dev"}, Mode: policy.Act, Release: "8f3c2a1", Since: at("17:29:30"), Health: "Progressing", Sync: "Synced"},
			{Target: prod, Mode: policy.Act, Release: "image.tag=v1.9.2", Since: at("16:03:11"), Proven: true, Health: "Healthy", Sync: "OutOfSync", Held: true, Incident: "review-prod-a5a5a5a5"},
			{Target: ledger.Target{Service: "映画", Stage: "prod"}, Mode: policy.Observe, Trouble: "permission denied: the token may not get applications of project media"},
		},
		Open:        []ledger.Incident{asking().Incident, held().Incident},
		Freezes:     []ledger.Freeze{{Until: at("19:30:00"), Why: "premiere", By: "kim", At: at("17:00:00")}, {Service: "review", Stage: "prod", Until: at("18:00:00"), Why: "load test", By: "lee"}},
		Quarantines: []ledger.Quarantine{{Target: prod, Release: "bad0bad0bad0bad0", Label: "image.tag=v1.9.3", Incident: "review-prod-1f2e3d4c", Why: "reverted", At: at("16:05:21")}},
		Holds:       []ledger.Hold{{Target: prod, Incident: "review-prod-1f2e3d4c", At: at("16:02:45")}},
		Ignored:     []ledger.Event{{At: at("17:05:00"), Kind: ledger.EventDecision, Text: "alert Watchdog ignored: no rule matches its labels"}},
	}
}

// quiet is a Guardian that has just begun.
func quiet() api.Status {
	return api.Status{Version: "v0.2.0", Now: at("17:30:00"), Started: at("17:29:55"), Mode: policy.Suggest,
		Policy:      api.PolicyStatus{File: "guardian.yaml", LoadedAt: at("17:29:55")},
		Connections: []api.Connection{{Name: "argocd", OK: true}},
		Targets:     []api.Target{{Target: prod, Mode: policy.Suggest, Since: time.Time{}}}}
}
