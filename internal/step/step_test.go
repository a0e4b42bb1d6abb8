package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

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

// polling gives steps whose flow gives these answers, one a look, the last of them for ever.
func polling(looks *int, answers ...remedy.Answer) step.Steps {
	return step.Steps{
		Flow: func(context.Context, remedy.Task) (remedy.Answer, error) {
			*looks++
			return answers[min(*looks, len(answers))-1], nil
		},
		Ended: func(remedy.Answer) {},
		Stay:  15 * time.Second,
	}
}

func TestAStepThatPollsStaysUntilItIsDoneOrForAsLongAsItMay(t *testing.T) {
	again := remedy.Answer{Next: ledger.StepSettle, Wait: 1}
	for name, tt := range map[string]struct {
		answers []remedy.Answer
		looks   int
		takes   time.Duration
		next    ledger.Step
	}{
		"done at once":          {[]remedy.Answer{{Next: ledger.StepVerify}}, 1, 0, ledger.StepVerify},
		"done at the third":     {[]remedy.Answer{again, again, {Next: ledger.StepVerify}}, 3, 2 * time.Second, ledger.StepVerify},
		"never done":            {[]remedy.Answer{again}, 16, 15 * time.Second, ledger.StepSettle},
		"a long wait":           {[]remedy.Answer{{Next: ledger.StepSettle, Wait: 3}}, 1, 0, ledger.StepSettle},
		"a wait before another": {[]remedy.Answer{{Next: ledger.StepAct, Wait: 1}}, 1, 0, ledger.StepAct},
		"again without a wait":  {[]remedy.Answer{{Next: ledger.StepSettle}}, 1, 0, ledger.StepSettle},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				looks, start := 0, time.Now()
				out, err := polling(&looks, tt.answers...).Run(t.Context(), json.RawMessage(`{"id":"i","step":"settle"}`))
				var answer remedy.Answer
				if err != nil || json.Unmarshal(out, &answer) != nil {
					t.Fatalf("%s, %v", out, err)
				}
				if took := time.Since(start); looks != tt.looks || took != tt.takes || answer.Next != tt.next {
					t.Errorf("%d looks in %s, then %s; want %d in %s, then %s", looks, took, answer.Next, tt.looks, tt.takes, tt.next)
				}
			})
		})
	}
}

func TestAStepThatIsStoppedAnswersWhereItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		looks := 0
		out, err := polling(&looks, remedy.Answer{ID: "i", Next: ledger.StepSettle, Wait: 1}).Run(ctx, json.RawMessage(`{"id":"i","step":"settle"}`))
		if want := `{"id":"i","next":"settle","wait":1,"hand":"","end":""}`; err != nil || string(out) != want || looks != 5 {
			t.Errorf("%s, %v after %d looks; want %s after 5", out, err, looks, want)
		}
	})
}

func TestAStepThatMayNotStayLooksOnce(t *testing.T) {
	looks := 0
	s := polling(&looks, remedy.Answer{Next: ledger.StepSettle, Wait: 1})
	s.Stay = 0
	if _, err := s.Run(t.Context(), json.RawMessage(`{"id":"i","step":"settle"}`)); err != nil || looks != 1 {
		t.Errorf("%d looks, %v", looks, err)
	}
}
