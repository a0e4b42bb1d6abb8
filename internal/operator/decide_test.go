package operator_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

func TestAQuestionIsAnsweredOnceAndTheAnswerWakesWhatWaits(t *testing.T) {
	for what, want := range map[string]struct {
		sent  string
		ended []string
	}{
		"approve": {"i-1 token ", nil},
		"reject":  {"i-1 token StoodDown", []string{"StoodDown"}},
	} {
		o := open(t, "suggest")
		o.asks(t, "i-1")
		o.wants(t, "anna", "POST /v1/incidents/last/"+what, `{"why":"I saw it too"}`, http.StatusOK, `"by":"anna"`)
		for _, again := range []string{"approve", "reject"} {
			o.wants(t, "ben", "POST /v1/incidents/i-1/"+again, `{}`, http.StatusConflict, "waits for no approval")
		}
		if diff := cmp.Diff([]string{want.sent}, o.sent); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		if diff := cmp.Diff(want.ended, o.ended); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		inc, err := o.World.Ledger.Incident(t.Context(), "i-1")
		must(t, err)
		if a := inc.Approval; a == nil || a.Granted != (what == "approve") || a.Why != "I saw it too" {
			t.Errorf("%s: recorded %+v", what, a)
		}
	}
}

func TestOfTwoWhoAnswerAtOnceOneIsHeard(t *testing.T) {
	o := open(t, "suggest")
	o.asks(t, "i-1")
	answers := make([]int, 8)
	var all sync.WaitGroup
	for i := range answers {
		what := []string{"approve", "reject"}[i%2]
		all.Go(func() { answers[i] = o.ask(t, "anna", "POST /v1/incidents/i-1/"+what, `{}`).Code })
	}
	all.Wait()
	heard := 0
	for _, status := range answers {
		switch status {
		case http.StatusOK:
			heard++
		case http.StatusConflict:
		default:
			t.Errorf("answered with %d", status)
		}
	}
	if heard != 1 || len(o.sent) != 1 {
		t.Errorf("%d are heard, sent %v", heard, o.sent)
	}
}

func TestAnAnswerThatLosesAgainstAnAlertIsTriedAgainAndNobodyIsAskedTwice(t *testing.T) {
	for _, tt := range []struct{ conflicts, status, sent int }{{3, 200, 1}, {1000, 409, 0}} {
		o := open(t, "suggest")
		o.asks(t, "i-1")
		var writes atomic.Int64
		o.Store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
			if op == "write" && writes.Add(1) <= int64(tt.conflicts) {
				return memledger.Fault{Lost: ledger.ErrConflict}
			}
			return memledger.Fault{}
		})
		o.wants(t, "anna", "POST /v1/incidents/i-1/approve", `{}`, tt.status, "")
		if len(o.sent) != tt.sent {
			t.Errorf("after %d conflicts: sent %v", tt.conflicts, o.sent)
		}
	}
}

func TestAnAnswerWhoseWriteIsLostCanBeGivenAgainAndOneThatLandedIsFound(t *testing.T) {
	for how, again := range map[memledger.How]int{memledger.Lost: http.StatusOK, memledger.Landed: http.StatusConflict} {
		o := open(t, "suggest")
		o.asks(t, "i-1")
		o.Store.SetFaults(memledger.FailWrite(0, how))
		o.wants(t, "anna", "POST /v1/incidents/i-1/approve", `{}`, http.StatusInternalServerError, "injected")
		if len(o.sent) != 0 {
			t.Errorf("landed %t: sent %v", how, o.sent)
		}
		o.wants(t, "anna", "POST /v1/incidents/i-1/approve", `{}`, again, "")
		if _, next, ok, err := o.World.Flow.Unanswered(t.Context(), "i-1"); !ok || err != nil || next.Next == ledger.StepApprove || next.End != "" {
			t.Errorf("landed %t: upkeep finds %+v, %t, %v", how, next, ok, err)
		}
	}
}

func TestAnAnswerThatCannotBeSentIsRecordedAllTheSame(t *testing.T) {
	o := open(t, "suggest")
	o.asks(t, "i-1")
	o.fails = errors.New("throttled")
	o.wants(t, "anna", "POST /v1/incidents/i-1/approve", `{}`, http.StatusOK, `"granted":true`)
	if !strings.Contains(o.log.String(), "will be sent again") {
		t.Errorf("the log says %s", &o.log)
	}
}

func TestAFreezeIsOneForItsScopeAndNeedsATimeAndAReason(t *testing.T) {
	o := open(t, "act")
	for body, says := range map[string]string{
		`{"why":"x"}`:                                           "time above zero",
		`{"for":"0s","why":"x"}`:                                "time above zero",
		`{"for":"-1h","why":"x"}`:                               "",
		`{"for":"1h"}`:                                          "a reason",
		`{"for":"soon","why":"x"}`:                              "",
		`{"service":"nobody","for":"1h","why":"x"}`:             "knows no service",
		`{"service":"review","stage":"q","for":"1h","why":1}`:   "",
		`{"service":"review","stage":"q","for":"1h","why":"x"}`: "knows no service",
		`{"stage":"prod","for":"1h","why":"x"}`:                 "knows no service",
	} {
		o.wants(t, "anna", "POST /v1/freeze", body, http.StatusBadRequest, says)
	}
	admit := `{"service":"review","stage":"prod","release":"v9"}`
	o.wants(t, "anna", "POST /v1/admit", admit, http.StatusOK, `"admitted":true`)
	o.wants(t, "anna", "POST /v1/freeze", `{"service":"review","for":"1h","why":"one"}`, http.StatusOK, `"by":"anna"`)
	o.wants(t, "ben", "POST /v1/freeze", `{"service":"review","for":"2h","why":"two"}`, http.StatusOK, `"by":"ben"`)
	freezes, err := o.World.Ledger.Freezes(t.Context(), time.Now())
	if err != nil || len(freezes) != 1 || freezes[0].Why != "two" || freezes[0].Until.Sub(freezes[0].At) != 2*time.Hour {
		t.Errorf("in force are %+v, %v", freezes, err)
	}
	o.wants(t, "anna", "POST /v1/unfreeze", `{"service":"review","stage":"prod"}`, http.StatusOK, "") // another scope
	if freezes, _ = o.World.Ledger.Freezes(t.Context(), time.Now()); len(freezes) != 1 {
		t.Error("a freeze of another scope was lifted")
	}
	for range 2 {
		o.wants(t, "anna", "POST /v1/unfreeze", `{"service":"review"}`, http.StatusOK, `"review"`)
	}
	o.wants(t, "anna", "POST /v1/admit", admit, http.StatusOK, `"admitted":true`)
	o.wants(t, "anna", "POST /v1/unfreeze", `{"service":"nobody"}`, http.StatusBadRequest, "knows no service")
}

func TestAFreezeThatIsNotWrittenIsNotSaidToHold(t *testing.T) {
	o := open(t, "act")
	o.Store.SetFaults(memledger.FailWrite(0, memledger.Lost))
	o.wants(t, "anna", "POST /v1/freeze", `{"for":"1h","why":"x"}`, http.StatusInternalServerError, "injected")
	o.wants(t, "anna", "POST /v1/freeze", `{"for":"1h","why":"x"}`, http.StatusOK, `"why":"x"`)
}

func TestAnUndoIsDoneOnceAndWhatIsAtWorkIsNotUndone(t *testing.T) {
	o := open(t, "act")
	id := o.healed(t)
	o.Argo.Down(true)
	o.wants(t, "anna", "POST /v1/incidents/last/undo", `{}`, http.StatusBadGateway, deploy.ErrUnavailable.Error())
	o.Argo.Down(false)
	o.wants(t, "anna", "POST /v1/incidents/last/undo", `{"why":"v42 is right"}`, http.StatusOK, `"undoneBy":"anna"`)
	o.Until(t.Context(), 14*time.Minute)
	o.wants(t, "ben", "POST /v1/incidents/"+id+"/undo", `{}`, http.StatusConflict, "left nothing to undo")
	if runs := strings.Join(o.Argo.Runs(app()), " "); !strings.HasSuffix(runs, ":v42") {
		t.Errorf("it runs %s", runs)
	}
	busy := open(t, "suggest")
	busy.asks(t, "i-1")
	busy.wants(t, "anna", "POST /v1/incidents/i-1/undo", `{}`, http.StatusConflict, "is still at work")
}

func TestWhatGuardianHoldsIsReleasedOnceAndNotWhileItWouldShipABadRelease(t *testing.T) {
	o := open(t, "act")
	target := `"service":"review","stage":"prod"`
	for _, lift := range []string{"false", "true"} {
		o.wants(t, "anna", "POST /v1/release", `{`+target+`,"lift":`+lift+`}`, http.StatusConflict, remedy.ErrNotHeld.Error())
	}
	o.healed(t)
	o.wants(t, "anna", "POST /v1/release", `{`+target+`}`, http.StatusConflict, "--lift")
	o.wants(t, "anna", "POST /v1/admit", `{`+target+`,"release":"v42"}`, http.StatusOK, `"admitted":false`)
	var out remedy.Released
	must(t, json.Unmarshal(o.ask(t, "anna", "POST /v1/release", `{`+target+`,"lift":true}`).Body.Bytes(), &out))
	if !out.AutoSync || len(out.Lifted) != 1 || out.Lifted[0].LiftedBy != "anna" {
		t.Errorf("released %+v", out)
	}
	o.wants(t, "anna", "POST /v1/release", `{`+target+`,"lift":true}`, http.StatusConflict, remedy.ErrNotHeld.Error())
	o.wants(t, "anna", "POST /v1/admit", `{`+target+`,"release":"v42"}`, http.StatusOK, `"admitted":true`)
}

func TestOnlyATargetOfThePolicyIsReleasedOrAskedFor(t *testing.T) {
	o := open(t, "act")
	for _, scope := range []string{`"service":"nobody","stage":"prod"`, `"service":"review","stage":"none"`, `"service":"","stage":"prod"`, `"service":"review"`, `"lift":true`} {
		if !strings.Contains(scope, "lift") {
			o.wants(t, "anna", "POST /v1/admit", `{`+scope+`,"release":"v1"}`, http.StatusBadRequest, "knows no service")
		}
		o.wants(t, "anna", "POST /v1/release", `{`+scope+`}`, http.StatusBadRequest, "knows no service")
	}
	o.wants(t, "anna", "POST /v1/admit", `{"service":"review","stage":"prod"}`, http.StatusBadRequest, "name the release")
}
