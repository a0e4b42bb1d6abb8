package upkeep_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/upkeep"
)

// errThrottled is what a call fails with.
var errThrottled = errors.New("throttled")

// machine notes what it is told. Executions that began before are in asking.
type machine struct {
	did    []string
	asking []string
	over   string // an execution that has ended
	fails  string // of an execution that cannot be started
	down   string // a call that fails

	meanwhile func() // happens before it is told whether an execution is over
}

func (m *machine) call(what string) error {
	if what == m.down {
		return errThrottled
	}
	return nil
}

func (m *machine) Start(_ context.Context, id string) error {
	if id == m.fails {
		return errThrottled
	}
	m.did = append(m.did, "start "+id)
	return nil
}

func (m *machine) Over(_ context.Context, id string) (over bool, how string, err error) {
	if m.meanwhile != nil {
		m.meanwhile()
	}
	return id == m.over, "ABORTED", m.call("over " + id)
}

func (m *machine) Asking(context.Context) ([]string, error) { return m.asking, m.call("asking") }

func (m *machine) Answer(_ context.Context, token string, output json.RawMessage) error {
	var a remedy.Answer
	if err := json.Unmarshal(output, &a); err != nil {
		return err
	}
	m.did = append(m.did, "answer "+token+" "+string(a.Next)+string(a.End))
	return m.call("answer " + token)
}

func (m *machine) Heartbeat(_ context.Context, token string) error {
	m.did = append(m.did, "beat "+token)
	return m.call("beat " + token)
}

func now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// kept is an upkeep over a ledger with the incidents, each at a target of its own.
func kept(t *testing.T, m *machine, ended *[]string, incidents ...ledger.Incident) upkeep.Upkeep {
	t.Helper()
	p := &policy.Policy{Limits: policy.Limits{Approval: policy.Duration(time.Hour)}, Services: map[string]policy.Service{}}
	l := &ledger.Ledger{Store: memledger.New()}
	for _, inc := range incidents {
		inc.Target = ledger.Target{Service: inc.ID, Stage: "prod"}
		inc.Plan = []ledger.Remedy{{Kind: policy.RemedyRevert, Ask: "it is only suggested"}}
		p.Services[inc.ID] = policy.Service{Stages: []policy.Stage{{Name: "prod"}}}
		if _, err := l.Open(t.Context(), inc, ledger.Lease{Target: inc.Target}.Taken(inc.ID, now(), time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	flow := &remedy.Flow{Policy: func() *policy.Policy { return p }, Ledger: l, Now: now, Log: slog.New(slog.DiscardHandler)}
	return upkeep.Upkeep{Flow: flow, Machine: m, Ended: func(a remedy.Answer) { *ended = append(*ended, string(a.End)) }}
}

func TestEveryOpenIncidentIsStartedAndOneThatAsksBeatsUntilItsTimeIsOver(t *testing.T) {
	var ended []string
	m := &machine{}
	u := kept(t, m, &ended,
		ledger.Incident{ID: "a", Step: ledger.StepConfirm},
		ledger.Incident{ID: "b", Step: ledger.StepApprove, Token: "tb", AskedAt: now().Add(-59 * time.Minute)},
		ledger.Incident{ID: "c", Step: ledger.StepApprove, Token: "tc", AskedAt: now().Add(-time.Hour)},
		ledger.Incident{ID: "d", Step: ledger.StepApprove, AskedAt: now().Add(-2 * time.Hour)},
	)
	if err := u.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"start a", "start b", "beat tb", "start c", "answer tc endFailedClean", "start d"}
	if diff := cmp.Diff(want, m.did); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"FailedClean", "FailedClean"}, ended); diff != "" {
		t.Error(diff)
	}
}

func TestAnAnswerThatWasRecordedButNotSentIsSentAgainUntilNobodyAsks(t *testing.T) {
	var ended []string
	m := &machine{asking: []string{"a", "b"}}
	u := kept(t, m, &ended,
		ledger.Incident{ID: "a", Step: ledger.StepAct, Token: "ta"},
		ledger.Incident{ID: "b", Step: ledger.StepApprove, Token: "tb", AskedAt: now()},
	)
	if err := u.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"start a", "start b", "beat tb", "answer ta act"}, m.did); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeStartedHoldsUpNoOther(t *testing.T) {
	m := &machine{fails: "a", asking: []string{"unknown"}}
	u := kept(t, m, new([]string), ledger.Incident{ID: "a"}, ledger.Incident{ID: "b"})
	err := u.Run(t.Context())
	if !errors.Is(err, errThrottled) || !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"start b"}, m.did); diff != "" {
		t.Error(diff)
	}
	if err := u.StartOpen(t.Context()); err == nil {
		t.Error("nobody is told what could not be started")
	}
}

func TestAnIncidentWhoseExecutionEndedWithoutItIsGivenUp(t *testing.T) {
	var ended []string
	m := &machine{over: "a"}
	u := kept(t, m, &ended,
		ledger.Incident{ID: "a", Step: ledger.StepApprove, Token: "ta", AskedAt: now()},
		ledger.Incident{ID: "b", Step: ledger.StepVerify},
	)
	for range 2 { // once is enough
		if err := u.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	inc, err := u.Flow.Ledger.Incident(t.Context(), "a")
	if err != nil || inc.End != ledger.FailedClean || !strings.Contains(inc.Reason, "its execution is ABORTED") {
		t.Errorf("it is %q: %s (%v)", inc.End, inc.Reason, err)
	}
	if diff := cmp.Diff([]string{"FailedClean"}, ended); diff != "" {
		t.Error(diff)
	}
	if inc, err := u.Flow.Ledger.Incident(t.Context(), "b"); err != nil || inc.End != "" {
		t.Errorf("the other is %q (%v)", inc.End, err)
	}
}

func TestACallThatFailsIsToldWithItsIncidentAndHoldsUpNothingElse(t *testing.T) {
	for down, want := range map[string]struct {
		says string
		did  []string
	}{
		"":          {"", []string{"start a", "beat ta", "start b", "answer tb endFailedClean", "start c", "answer tc act"}},
		"over a":    {"execution of a", []string{"start a", "start b", "answer tb endFailedClean", "start c", "answer tc act"}},
		"beat ta":   {"heartbeat of a", []string{"start a", "beat ta", "start b", "answer tb endFailedClean", "start c", "answer tc act"}},
		"answer tb": {"", []string{"start a", "beat ta", "start b", "answer tb endFailedClean", "start c", "answer tc act"}},
		"answer tc": {"answer of c", []string{"start a", "beat ta", "start b", "answer tb endFailedClean", "start c", "answer tc act"}},
		"asking":    {"state machines that ask", []string{"start a", "beat ta", "start b", "answer tb endFailedClean", "start c"}},
	} {
		m := &machine{down: down, asking: []string{"c"}}
		u := kept(t, m, new([]string),
			ledger.Incident{ID: "a", Step: ledger.StepApprove, Token: "ta", AskedAt: now()},
			ledger.Incident{ID: "b", Step: ledger.StepApprove, Token: "tb", AskedAt: now().Add(-time.Hour)},
			ledger.Incident{ID: "c", Step: ledger.StepAct, Token: "tc"},
		)
		err := u.Run(t.Context())
		if (down != "") != errors.Is(err, errThrottled) || err != nil && !strings.Contains(err.Error(), want.says) {
			t.Errorf("%q fails: %v", down, err)
		}
		if diff := cmp.Diff(want.did, m.did); diff != "" {
			t.Errorf("%q fails: %s", down, diff)
		}
	}
}

func TestAnAnswerThatExpiredAndCouldNotBeSentIsSentByTheNextRun(t *testing.T) {
	var ended []string
	m := &machine{down: "answer ta", asking: []string{"a"}}
	u := kept(t, m, &ended, ledger.Incident{ID: "a", Step: ledger.StepApprove, Token: "ta", AskedAt: now().Add(-time.Hour)})
	if err := u.Run(t.Context()); !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
	m.down, m.did = "", nil
	if err := u.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"answer ta endFailedClean"}, m.did); diff != "" || len(ended) != 1 {
		t.Errorf("ended %v: %s", ended, diff)
	}
}

func TestAQuestionThatIsNotYetAskedNorHasATokenIsLeftAlone(t *testing.T) {
	m := &machine{}
	u := kept(t, m, new([]string),
		ledger.Incident{ID: "a", Step: ledger.StepApprove},                 // chosen, and the question is on its way
		ledger.Incident{ID: "b", Step: ledger.StepApprove, AskedAt: now()}, // asked, without a token
	)
	if err := u.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"start a", "start b"}, m.did); diff != "" {
		t.Error(diff)
	}
}

func TestAnIncidentThatCameToItsEndMeanwhileIsNotEndedASecondTime(t *testing.T) {
	var ended []string
	m := &machine{over: "a"}
	u := kept(t, m, &ended, ledger.Incident{ID: "a", Step: ledger.StepVerify})
	m.meanwhile = func() {
		inc, err := u.Flow.Ledger.Incident(t.Context(), "a")
		if err != nil || inc.End != "" {
			return
		}
		inc.End = ledger.Healed
		if _, err := u.Flow.Ledger.Commit(t.Context(), ledger.Change{Incident: inc}); err != nil {
			t.Error(err)
		}
	}
	if err := u.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if inc, err := u.Flow.Ledger.Incident(t.Context(), "a"); err != nil || inc.End != ledger.Healed || len(ended) != 0 {
		t.Errorf("it is %q, ended %v (%v)", inc.End, ended, err)
	}
}

func TestWhileTheLedgerIsDownNothingIsStartedAndWhatCannotBeEndedIsEndedLater(t *testing.T) {
	var ended []string
	m := &machine{over: "a"}
	u := kept(t, m, &ended, ledger.Incident{ID: "a", Step: ledger.StepVerify}, ledger.Incident{ID: "b", Step: ledger.StepApprove, AskedAt: now().Add(-time.Hour), Token: "tb"})
	store, _ := u.Flow.Ledger.Store.(*memledger.Store)
	store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
		return memledger.Fault{Lost: map[string]error{"write": memledger.ErrInjected}[op]}
	})
	err := u.Run(t.Context())
	if !errors.Is(err, memledger.ErrInjected) || !strings.Contains(err.Error(), "give a up") || !strings.Contains(err.Error(), "expire b") || len(ended) != 0 {
		t.Errorf("ended %v: %v", ended, err)
	}
	m.did = nil
	store.SetFaults(func(string, []ledger.Op) memledger.Fault { return memledger.Fault{Lost: memledger.ErrInjected} })
	for name, run := range map[string]func() error{
		"run": func() error { return u.Run(t.Context()) }, "start": func() error { return u.StartOpen(t.Context()) },
	} {
		if err := run(); !errors.Is(err, memledger.ErrInjected) || !strings.Contains(err.Error(), "open incidents") || len(m.did) != 0 {
			t.Errorf("%s: did %v, %v", name, m.did, err)
		}
	}
	store.SetFaults(nil)
	if err := u.Run(t.Context()); err != nil || len(ended) != 2 {
		t.Errorf("ended %v: %v", ended, err)
	}
}

func TestStartOpenStartsWhatIsOpenAndGoesOnAfterWhatCannotBe(t *testing.T) {
	m := &machine{fails: "a"}
	u := kept(t, m, new([]string), ledger.Incident{ID: "a"}, ledger.Incident{ID: "b"})
	if err := u.StartOpen(t.Context()); !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"start b"}, m.did); diff != "" {
		t.Error(diff)
	}
	m.fails = ""
	if err := u.StartOpen(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestManyUpkeepsAtOnceEndAnIncidentOnce(t *testing.T) {
	u := kept(t, &machine{over: "a"}, new([]string), ledger.Incident{ID: "a", Step: ledger.StepVerify})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			own := u
			own.Machine, own.Ended = &machine{over: "a"}, func(remedy.Answer) {}
			_ = own.Run(t.Context()) // who comes second is told of a conflict
		})
	}
	all.Wait()
	inc, err := u.Flow.Ledger.Incident(t.Context(), "a")
	if err != nil || inc.End != ledger.FailedClean {
		t.Fatalf("it is %q, %v", inc.End, err)
	}
	messages, err := u.Flow.Ledger.Outbox(t.Context())
	events, failed := u.Flow.Ledger.Events(t.Context(), "a", -1)
	ends := 0
	for _, e := range events {
		if e.Kind == ledger.EventEnd {
			ends++
		}
	}
	if errors.Join(err, failed) != nil || len(messages) != 1 || ends != 1 {
		t.Errorf("%d messages, %d ends: %v, %v", len(messages), ends, err, failed)
	}
}
