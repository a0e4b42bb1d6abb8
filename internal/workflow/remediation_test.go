package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/cdk/asl"
	"github.com/cinegit/guardian/internal/adapter/memledger"
)

// script answers the steps of the remediation machine. As the flow does, it decides by what it
// remembers, so a step that is run twice answers the same.
type script struct {
	mu       sync.Mutex
	answers  map[string][]string // by step, in their order; the last one stays
	asked    map[string]int
	approved chan string // gets the token
}

func (s *script) function(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
	var in struct{ ID, Step, Token string }
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, err
	}
	if in.Token != "" {
		select {
		case s.approved <- in.Token:
		default:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answers, n := s.answers[in.Step], s.asked[in.Step]
	s.asked[in.Step]++
	if len(answers) == 0 {
		return json.RawMessage(`{}`), nil
	}
	answer := answers[min(n, len(answers)-1)]
	if answer == "transient" {
		return nil, fmt.Errorf("call: %w", named("Transient"))
	}
	return json.RawMessage(`{"id":"` + in.ID + `",` + answer + `}`), nil
}

func newScript(answers map[string][]string) *script {
	return &script{answers: answers, asked: map[string]int{}, approved: make(chan string, 1)}
}

func newRemediation(t *testing.T, s *script) *world {
	t.Helper()
	functions := map[string]Function{}
	for _, name := range mustLoad(t, string(asl.Remediation)).Functions() {
		functions[name] = s.function
	}
	return newWorld(t, string(asl.Remediation), functions)
}

func TestTheRemediationMachineWalksFromAlertToHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(map[string][]string{
			"confirm": {"transient", `"next":"confirm","wait":15`, `"next":"look"`},
			"blame":   {`"next":"choose"`},
			"choose":  {`"next":"approve"`},
			"act":     {`"next":"act","hand":"argocd","wait":2`, `"next":"settle","hand":"argocd"`},
			"settle":  {`"next":"settle","hand":"argocd","wait":10`, `"next":"verify"`},
			"verify":  {`"next":"verify","wait":15`, `"next":"end","end":"Healed"`},
		})
		w := newRemediation(t, s)
		w.start("i-1", map[string]string{"id": "i-1"})
		token := <-s.approved
		if err := w.runner.SendTaskSuccess(t.Context(), token, json.RawMessage(`{"id":"i-1","next":"act","hand":"argocd"}`)); err != nil {
			t.Fatal(err)
		}
		e := w.await("i-1")
		wantOutput(t, e, `{"end":"Healed","id":"i-1","next":"end"}`)
		if took := e.EndedAt.Sub(e.StartedAt); took != 43*time.Second {
			t.Errorf("took %v, want 43s: a retry after 1, waits of 15, 2, 10 and 15", took)
		}
		if diff := gocmp.Diff(map[string]int{"confirm": 3, "look": 2, "blame": 1, "choose": 1, "approve": 1, "act": 2, "settle": 2, "verify": 2}, s.asked); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestTheRemediationMachineEndsEveryWayItCan(t *testing.T) {
	for name, tt := range map[string]struct {
		answers map[string][]string
		status  Status
		failure string
	}{
		"stood down":       {map[string][]string{"confirm": {`"next":"end","end":"StoodDown"`}}, Succeeded, ""},
		"failed clean":     {map[string][]string{"confirm": {`"next":"look"`}, "blame": {`"next":"end","end":"FailedClean"`}}, Failed, "FailedClean"},
		"an unknown end":   {map[string][]string{"confirm": {`"next":"end","end":"Lost"`}}, Failed, "FailedDirty"},
		"given up":         {map[string][]string{"confirm": {"transient"}, "giveup": {`"next":"end","end":"FailedClean"`}}, Failed, "FailedClean"},
		"giving up failed": {map[string][]string{"confirm": {"transient"}, "giveup": {"transient"}}, Failed, "FailedDirty"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newRemediation(t, newScript(tt.answers))
				w.start("i-1", map[string]string{"id": "i-1"})
				if e := w.await("i-1"); e.Status != tt.status || e.Error != tt.failure {
					t.Errorf("%s %s (%s), want %s %s", e.Status, e.Error, e.Cause, tt.status, tt.failure)
				}
			})
		})
	}
}

func TestTheRemediationMachineEndsTheSameAfterACrashAtAnyWrite(t *testing.T) {
	walk := func(t *testing.T, faults memledger.Faults) (Execution, int) {
		t.Helper()
		w := newRemediation(t, newScript(map[string][]string{
			"confirm": {`"next":"look"`},
			"blame":   {`"next":"choose"`},
			"choose":  {`"next":"act","hand":"flag"`},
			"act":     {`"next":"act","hand":"flag","wait":2`, `"next":"settle","hand":"flag"`},
			"settle":  {`"next":"settle","hand":"flag","wait":10`, `"next":"verify"`},
			"verify":  {`"next":"verify","wait":15`, `"next":"end","end":"Healed"`},
		}))
		w.store.SetFaults(faults)
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			_, startErr := w.runner.Start(ctx, "i-1", map[string]string{"id": "i-1"})
			e, err := w.runner.Await(ctx, "i-1")
			cancel()
			if startErr == nil && err == nil && e.Status != Running {
				return e, w.store.Writes()
			}
			w.restart()
		}
		t.Fatal("it does not come to its end")
		return Execution{}, 0
	}
	var writes int
	synctest.Test(t, func(t *testing.T) { _, writes = walk(t, nil) })
	if writes != 5 {
		t.Errorf("%d writes without a crash, want 5: start, three waits, end", writes)
	}
	for n := range writes {
		for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
			synctest.Test(t, func(t *testing.T) {
				e, _ := walk(t, memledger.CrashAtWrite(n, how))
				wantOutput(t, e, `{"end":"Healed","id":"i-1","next":"end"}`)
				if last := e.Path[len(e.Path)-1]; last != "Healed" {
					t.Errorf("crash at write %d, landed %t: ends in %s, want Healed", n, how, last)
				}
			})
		}
	}
}
