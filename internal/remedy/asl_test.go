package remedy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cinegit/guardian/cdk/asl"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// aslState is what these tests read of a state.
type aslState struct {
	Type       string
	Next       string
	Default    string
	Choices    []aslChoice
	Parameters struct {
		FunctionName string
		Payload      map[string]string
	}
}

type aslChoice struct {
	Variable     string
	StringEquals string
	And          []aslChoice
	Next         string
}

func (c aslChoice) holds(input map[string]string) bool {
	for _, part := range c.And {
		if !part.holds(input) {
			return false
		}
	}
	return c.Variable == "" || input[strings.TrimPrefix(c.Variable, "$.")] == c.StringEquals
}

func remediation(t *testing.T) map[string]aslState {
	t.Helper()
	var machine struct{ States map[string]aslState }
	must(t, json.Unmarshal(asl.Remediation, &machine))
	return machine.States
}

// after gives the first state behind a task that is no Choice and no Wait.
func after(states map[string]aslState, task string, answer remedy.Answer) string {
	input := map[string]string{"next": string(answer.Next), "hand": answer.Hand, "end": string(answer.End)}
	at := states[task].Next
	for range states {
		s := states[at]
		switch s.Type {
		case "Choice":
			next := s.Default
			for _, c := range s.Choices {
				if c.holds(input) {
					next = c.Next
					break
				}
			}
			at = next
		case "Wait":
			at = s.Next
		default:
			return at
		}
	}
	return "nowhere: it goes round in circles"
}

// A task that is run again, because the process died after an answer or before the state machine wrote down
// where it stood, answers where the ledger stands, which may be anywhere.
func TestWhereverTheLedgerStandsTheStateMachineGoesThere(t *testing.T) {
	states := remediation(t)
	answers := map[string]remedy.Answer{}
	for state, a := range map[string]remedy.Answer{
		"Confirm":      {Next: ledger.StepConfirm},
		"LookArgoCD":   {Next: remedy.StepLook},
		"Choose":       {Next: ledger.StepChoose},
		"Approve":      {Next: ledger.StepApprove},
		"ActFlag":      {Next: ledger.StepAct, Hand: remedy.HandFlag},
		"ActArgoCD":    {Next: ledger.StepAct, Hand: remedy.HandArgoCD},
		"SettleFlag":   {Next: ledger.StepSettle, Hand: remedy.HandFlag},
		"SettleArgoCD": {Next: ledger.StepSettle, Hand: remedy.HandArgoCD},
		"Verify":       {Next: ledger.StepVerify, Hand: remedy.HandFlag},
		"Healed":       {Next: ledger.StepEnd, End: ledger.Healed},
		"StoodDown":    {Next: ledger.StepEnd, End: ledger.StoodDown},
		"FailedClean":  {Next: ledger.StepEnd, End: ledger.FailedClean},
		"FailedDirty":  {Next: ledger.StepEnd, End: ledger.FailedDirty},
	} {
		answers[state] = a
	}
	for name, s := range states {
		if s.Type != "Task" || s.Parameters.Payload["step"] == string(remedy.StepLook) || name == "GiveUp" {
			continue // these have one way on
		}
		for want, answer := range answers {
			if got := after(states, name, answer); got != want {
				t.Errorf("after %s, next %s (hand %q, end %q) leads to %s, not to %s", name, answer.Next, answer.Hand, answer.End, got, want)
			}
		}
	}
}

func TestTheStateMachineKnowsEveryStep(t *testing.T) {
	steps := map[string]bool{}
	for _, s := range remediation(t) {
		if s.Type == "Task" {
			steps[s.Parameters.Payload["step"]] = true
		}
	}
	for _, step := range []ledger.Step{
		ledger.StepConfirm, remedy.StepLook, ledger.StepBlame, ledger.StepChoose, ledger.StepApprove,
		ledger.StepAct, ledger.StepSettle, ledger.StepVerify, remedy.StepGiveUp,
	} {
		if !steps[string(step)] {
			t.Errorf("no state runs step %s", step)
		}
	}
}
