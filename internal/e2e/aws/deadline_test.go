//go:build e2e

package aws_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/workflow"
)

// deadline is a moment at which Lambda kills a function: when it calls AWS in a certain way. The call still
// lands, or is lost with the function.
type deadline struct {
	function string
	call     string // as cloud.Fault has it
	lost     bool
	when     func(*world) bool // which of such calls; nil is the first
	story    func(*world)      // nil is a bad release of player, healed by itself
}

// TestStackSurvivesAFunctionThatIsKilledAtItsDeadline kills each function that has a part in an incident, once
// and in the midst of its work. The incident ends as it does without that, with one effect.
func TestStackSurvivesAFunctionThatIsKilledAtItsDeadline(t *testing.T) {
	const write = "dynamodb:*Write*"
	for name, d := range map[string]deadline{
		"dispatch before it opens the incident":    {function: "dispatch", call: write, lost: true},
		"dispatch after it has opened it":          {function: "dispatch", call: write, story: (*world).startedLate},
		"judge before it writes what it saw":       {function: "judge", call: write, lost: true, when: in("Verify")},
		"judge after it has written":               {function: "judge", call: write, when: in("Verify")},
		"decide before it writes what it decided":  {function: "decide", call: write, lost: true, when: in("Choose")},
		"decide after it has written":              {function: "decide", call: write, when: in("Choose")},
		"argocdhand before the rollback":           {function: "argocdhand", call: write, when: rollback(false)},
		"argocdhand after the rollback":            {function: "argocdhand", call: write, when: rollback(true)},
		"flaghand before it writes the flag":       {function: "flaghand", call: "s3:PutObject", lost: true, story: (*world).badFlag},
		"flaghand after it has written the flag":   {function: "flaghand", call: "s3:PutObject", story: (*world).badFlag},
		"notify before it publishes":               {function: "notify", call: "events:PutEvents", lost: true, story: publishes(1)},
		"notify after it has published":            {function: "notify", call: "events:PutEvents", story: publishes(2)},
		"reconcile before it sends an answer on":   {function: "reconcile", call: "states:SendTaskSuccess", lost: true, story: (*world).answeredLate},
		"reconcile after it has sent an answer on": {function: "reconcile", call: "states:SendTaskSuccess", story: (*world).answeredLate},
		"operator before it writes an answer":      {function: "operator", call: write, lost: true, story: answersTwice(true)},
		"operator after it has written an answer":  {function: "operator", call: write, story: answersTwice(false)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{mode: d.mode()})
			fault := cloud.Fault{Caller: key(d.function), Operation: d.call, Times: 1, Do: w.functions["guardian-"+d.function].Expire}
			if d.lost {
				fault.Status, fault.Code = http.StatusInternalServerError, "InternalServerError"
			}
			if d.when != nil {
				fault.When = func() bool { return d.when(w) }
			}
			w.ship("v1", services()...)
			w.tick(t.Context())
			w.gateway.Fail(fault)
			if d.story == nil {
				d.story = func(w *world) { w.badPlayer(); w.healedOnce() }
			}
			d.story(w)
			if hits := w.gateway.Mend(); hits[0] != 1 {
				t.Error("nothing was killed")
			}
		})
	}
}

// mode is suggest where the story has somebody answer.
func (d deadline) mode() string {
	if d.function == "operator" || d.function == "reconcile" {
		return "suggest"
	}
	return "act"
}

// in tells whether an execution has come to a state and to no other since.
func in(state string) func(*world) bool {
	return func(w *world) bool {
		all, err := w.machine.List(w.t.Context(), workflow.Running)
		return err == nil && slices.ContainsFunc(all, func(e workflow.Execution) bool {
			return len(e.States) > 0 && e.States[len(e.States)-1] == state
		})
	}
}

// rollback tells whether Argo CD's hand acts, and has asked for the rollback or not.
func rollback(asked bool) func(*world) bool {
	return func(w *world) bool {
		return in("ActArgoCD")(w) && asked == (w.argo.rollingBack("player") || w.argo.history("player") > 2)
	}
}

// badPlayer ships a bad release and has it alerted.
func (w *world) badPlayer() {
	w.t.Helper()
	w.ship("v2", "player")
	w.tick(w.t.Context())
	w.fire("player")
}

// badFlag has a bad flag put to its safe variant by one write.
func (w *world) badFlag() {
	w.t.Helper()
	before := w.flagWrites()
	w.flip("on")
	w.tick(w.t.Context())
	w.fire("review")
	if diff := cmp.Diff(map[string]ledger.End{"review": ledger.Healed}, w.ended(1)); diff != "" {
		w.t.Error(diff)
	}
	if writes := w.flagWrites() - before; writes != 2 || w.flagOn(w.t.Context()) || w.argo.history("review") != 1 {
		w.t.Errorf("the flag was written %d times, want once by the person and once by Guardian; it is on: %t; %d deployments",
			writes, w.flagOn(w.t.Context()), w.argo.history("review"))
	}
}

// flagWrites is how many versions the flags' document has.
func (w *world) flagWrites() int {
	w.t.Helper()
	out, err := w.objects.ListObjectVersions(w.t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(flagBucket), Prefix: aws.String(flagKey)})
	must(w.t, err)
	return len(out.Versions)
}

// startedLate leaves it to the reconciler to start what was opened: to dispatch the alert is known when it
// comes again.
func (w *world) startedLate() {
	w.t.Helper()
	w.badPlayer()
	w.until("the alert has come again and is handled", func() bool { return w.length("guardian-intake.fifo") == 0 })
	w.tick(w.t.Context())
	w.healedOnce()
}

// publishes has the first message of an incident published some times: who has sent and could not write that
// down sends again, with the same ID. What is told later is published once.
func publishes(times int) func(*world) {
	return func(w *world) {
		w.badPlayer()
		w.healedOnce()
		var ids []string
		w.until("all is published", func() bool {
			for _, p := range w.heardAt(outcomes) {
				ids = append(ids, p.Detail.ID)
			}
			return len(ids) > 0 && w.untold() == 0
		})
		for _, p := range w.heardAt(outcomes) {
			ids = append(ids, p.Detail.ID)
		}
		got := map[string]int{}
		for _, id := range ids {
			got[id]++
		}
		all, err := w.operator.Incidents(w.t.Context(), 1)
		must(w.t, err)
		if got[ids[0]] != times || got[all[0].ID+"-end"] == 0 || len(ids) != len(got)+times-1 {
			w.t.Errorf("published %v, want the first %d times, the others once, and the end", ids, times)
		}
	}
}

// untold is how many messages lie in the outbox.
func (w *world) untold() int {
	w.t.Helper()
	var out struct{ Count int }
	must(w.t, w.admin.Call(w.t.Context(), "DynamoDB_20120810.Query", map[string]any{
		"TableName":                w.function("decide").Text("Environment", "Variables", names.Table),
		"KeyConditionExpression":   "#p = :p",
		"ExpressionAttributeNames": map[string]string{"#p": dynamoledger.PartitionKey}, "Select": "COUNT",
		"ExpressionAttributeValues": map[string]any{":p": map[string]string{"S": "outbox"}},
	}, &out))
	return out.Count
}

// waits gives the incident that waits for approval.
func (w *world) waits() string {
	w.t.Helper()
	var id string
	w.until("a remedy waits for approval", func() bool {
		status, err := w.operator.Status(w.t.Context())
		must(w.t, err)
		for _, inc := range status.Open {
			if inc.Step == ledger.StepApprove && inc.Token != "" {
				id = inc.ID
			}
		}
		return id != ""
	})
	return id
}

// answeredLate has the operators' function unable to send an answer on, so that the reconciler must.
func (w *world) answeredLate() {
	w.t.Helper()
	w.badPlayer()
	id := w.waits()
	w.gateway.Fail(cloud.Fault{
		Caller: key("operator"), Operation: "states:SendTaskSuccess", Times: -1, Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable",
	})
	_, err := w.operator.Approve(w.t.Context(), id, "the dashboard says so too")
	must(w.t, err)
	w.tick(w.t.Context())
	w.tick(w.t.Context())
	w.healedOnce()
}

// answersTwice has a person give the answer again that failed; it is taken unless it is there already.
func answersTwice(taken bool) func(*world) {
	return func(w *world) {
		w.badPlayer()
		id := w.waits()
		if _, err := w.operator.Approve(w.t.Context(), id, "the dashboard says so too"); err == nil {
			w.t.Error("the first answer was taken")
		}
		var problem *api.Error
		_, err := w.operator.Approve(w.t.Context(), id, "once more")
		if refused := errors.As(err, &problem) && problem.Status == http.StatusConflict; taken != (err == nil) || taken == refused {
			w.t.Errorf("the second answer: %v, want it taken: %t", err, taken)
		}
		w.tick(w.t.Context())
		w.healedOnce()
	}
}
