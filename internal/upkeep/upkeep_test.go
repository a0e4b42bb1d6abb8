package upkeep_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/upkeep"
)

// machine notes what it is told. Executions that began before are in asking.
type machine struct {
	did    []string
	asking []string
	over   string // an execution that has ended
	fails  string // of an execution that cannot be started
}

func (m *machine) Start(_ context.Context, id string) error {
	if id == m.fails {
		return errors.New("throttled")
	}
	m.did = append(m.did, "start "+id)
	return nil
}

func (m *machine) Over(_ context.Context, id string) (over bool, how string, err error) {
	return id == m.over, "ABORTED", nil
}

func (m *machine) Asking(context.Context) ([]string, error) { return m.asking, nil }

func (m *machine) Answer(_ context.Context, token string, output json.RawMessage) error {
	var a remedy.Answer
	if err := json.Unmarshal(output, &a); err != nil {
		return err
	}
	m.did = append(m.did, "answer "+token+" "+string(a.Next)+string(a.End))
	return nil
}

func (m *machine) Heartbeat(_ context.Context, token string) error {
	m.did = append(m.did, "beat "+token)
	return nil
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
	if err == nil || !errors.Is(err, ledger.ErrNotFound) {
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
