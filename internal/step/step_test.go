package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/step"
)

func TestAnErrorHasTheNameThatTheStateMachineRetriesHoweverDeepItIsWrapped(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"conflict":       {ledger.ErrConflict, step.Conflict},
		"held":           {fmt.Errorf("a: %w", fmt.Errorf("b: %w", ledger.ErrHeld)), step.Conflict},
		"deadline":       {context.DeadlineExceeded, step.Transient},
		"not asking":     {errors.Join(remedy.ErrNotAsking), step.Transient},
		"named by hand":  {fmt.Errorf("a: %w", step.Named(step.Malformed, errors.New("b"))), step.Malformed},
		"named conflict": {step.Named("Other", ledger.ErrConflict), "Other"},
	} {
		if got := step.Name(tt.err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// steps gives steps that note what they were asked, over an empty ledger with one incident.
func steps(t *testing.T, asked *[]string) step.Steps {
	t.Helper()
	l := &ledger.Ledger{Store: memledger.New()}
	target := ledger.Target{Service: "review", Stage: "prod"}
	if _, err := l.Open(t.Context(), ledger.Incident{ID: "i", Target: target}, ledger.Lease{Target: target}); err != nil {
		t.Fatal(err)
	}
	note := func(what string) func(context.Context, ledger.Target) error {
		return func(_ context.Context, target ledger.Target) error {
			*asked = append(*asked, what+" "+target.String())
			if target.Stage == "down" {
				return errors.New("out of reach")
			}
			return nil
		}
	}
	return step.Steps{
		Flow: func(_ context.Context, task remedy.Task) (remedy.Answer, error) {
			*asked = append(*asked, "flow "+string(task.Step)+" "+task.ID)
			return remedy.Answer{ID: task.ID, Next: ledger.StepEnd, End: ledger.Healed}, nil
		},
		Look: note("look"), Prove: note("prove"), Ledger: l, Log: slog.New(slog.DiscardHandler),
		Ended: func(a remedy.Answer) { *asked = append(*asked, "ended "+string(a.End)) },
	}
}

func TestAStepIsThatOfAnIncidentOrOfATarget(t *testing.T) {
	for payload, want := range map[string][]string{
		`{"id":"i","step":"verify"}`:                            {"flow verify i", "ended Healed"},
		`{"id":"i","step":"end"}`:                               {"flow end i"},
		`{"id":"i","step":"look"}`:                              {"look review/prod"},
		`{"service":"rating","stage":"prod","step":"look"}`:     {"look rating/prod"},
		`{"service":"rating","stage":"prod","step":"prove"}`:    {"prove rating/prod"},
		`{"id":"i","step":"approve","token":"t","error":{}}`:    {"flow approve i", "ended Healed"},
		`{"id":"i","step":"look","service":"x","stage":"down"}`: {"look review/prod"},
	} {
		var got []string
		out, err := steps(t, &got).Run(t.Context(), json.RawMessage(payload))
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !json.Valid(out) {
			t.Errorf("%s: %s, %v: %s", payload, out, err, diff)
		}
	}
}

func TestWhatIsNoTaskIsMalformedAndNeverRetried(t *testing.T) {
	for _, payload := range []string{``, `[]`, `{}`, `{"step":"verify"}`, `{"service":"a","stage":"b","step":"undo"}`, `{"id":7}`} {
		var got []string
		_, err := steps(t, &got).Run(t.Context(), json.RawMessage(payload))
		if err == nil || step.Name(err) != step.Malformed || len(got) > 0 {
			t.Errorf("%s: %v, asked %v", payload, err, got)
		}
	}
	onlyDecides := steps(t, new([]string))
	onlyDecides.Look, onlyDecides.Prove = nil, nil
	for _, payload := range []string{`{"id":"i","step":"look"}`, `{"service":"a","stage":"b","step":"look"}`, `{"service":"a","stage":"b","step":"prove"}`} {
		if _, err := onlyDecides.Run(t.Context(), json.RawMessage(payload)); err == nil || step.Name(err) != step.Malformed {
			t.Errorf("%s where it cannot be done: %v", payload, err)
		}
	}
}

func TestALookOfAnIncidentThatCannotReadGoesOnAndOneOfATargetFails(t *testing.T) {
	var got []string
	s := steps(t, &got)
	s.Look = func(context.Context, ledger.Target) error { return errors.New("out of reach") }
	if out, err := s.Run(t.Context(), json.RawMessage(`{"id":"i","step":"look"}`)); err != nil || string(out) != "{}" {
		t.Errorf("of an incident: %s, %v", out, err)
	}
	_, err := s.Run(t.Context(), json.RawMessage(`{"service":"a","stage":"b","step":"look"}`))
	if err == nil || step.Name(err) != step.Transient {
		t.Errorf("of a target: %v", err)
	}
	_, err = s.Run(t.Context(), json.RawMessage(`{"id":"nobody","step":"look"}`))
	if !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestAConflictIsTriedAgainAtOnceButNotForEver(t *testing.T) {
	for name, tt := range map[string]struct {
		fails, want int
		err         error
	}{
		"soon over": {3, 4, nil}, "never over": {1000, 16, ledger.ErrConflict},
	} {
		calls := 0
		_, err := step.Again(t.Context(), func() (struct{}, error) {
			calls++
			if calls <= tt.fails {
				return struct{}{}, fmt.Errorf("write: %w", ledger.ErrConflict)
			}
			return struct{}{}, nil
		})
		if !errors.Is(err, tt.err) || calls != tt.want {
			t.Errorf("%s: %d calls, %v", name, calls, err)
		}
	}
	calls := 0
	if _, err := step.Again(t.Context(), func() (int, error) { calls++; return 0, ledger.ErrHeld }); err == nil || calls != 1 {
		t.Errorf("another error is tried %d times", calls)
	}
}
