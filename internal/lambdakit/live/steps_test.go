package live

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/kittest"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/step"
)

func base(t *testing.T) *Base {
	t.Helper()
	return &Base{
		Kit:    &lambdakit.Kit{Log: slog.New(slog.DiscardHandler), Metrics: lambdakit.NewMetrics(io.Discard, "judge", time.Now), AWS: aws.Config{}},
		Ledger: &ledger.Ledger{Store: memledger.New()},
	}
}

func parsed(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("guardian.yaml", []byte(kittest.Policy))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// acting is an incident that a hand is to act on by putting a flag to safe.
func acting(t *testing.T, b *Base) {
	t.Helper()
	target := ledger.Target{Service: "review", Stage: "prod"}
	inc := ledger.Incident{
		ID: "i", Target: target, Rule: "1", Step: ledger.StepAct, Mode: policy.Act,
		Plan: []ledger.Remedy{{Kind: policy.RemedyFlag, Flag: "timeline", Safe: "off"}},
	}
	lease := ledger.Lease{Target: target}.Taken("i", time.Now(), time.Hour)
	if _, err := b.Ledger.Open(t.Context(), inc, lease); err != nil {
		t.Fatal(err)
	}
}

func TestAFunctionTakesOnlyTheStepsOfItsOwn(t *testing.T) {
	b := base(t)
	acting(t, b)
	s := b.steps(parsed(t), Parts{Steps: []ledger.Step{ledger.StepConfirm}})
	for payload, want := range map[string]string{
		`{"id":"i","step":"act"}`: step.Malformed, `{"id":"i","step":"look"}`: step.Malformed,
		`{"service":"review","stage":"prod","step":"prove"}`: step.Malformed, `{"id":"nobody","step":"confirm"}`: step.Transient,
	} {
		if _, err := s.Run(t.Context(), []byte(payload)); err == nil || step.Name(err) != want {
			t.Errorf("%s: %v", payload, err)
		}
	}
	answer, err := s.Run(t.Context(), []byte(`{"id":"i","step":"confirm"}`))
	if err != nil || !strings.Contains(string(answer), `"next":"act"`) {
		t.Errorf("a step that was taken before: %s, %v", answer, err)
	}
}

func TestAHandThatIsAskedForAnothersRemedySaysThatItDoesNotReachIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it tries again in place
		b := base(t)
		acting(t, b)
		s := b.steps(parsed(t), Parts{Steps: []ledger.Step{ledger.StepAct}})
		answer, err := s.Run(t.Context(), []byte(`{"id":"i","step":"act"}`))
		if inc, failed := b.Ledger.Incident(t.Context(), "i"); failed != nil || len(inc.Effects) > 0 || inc.End == ledger.Healed {
			t.Errorf("%s, %v: incident %+v, %v", answer, err, inc, failed)
		}
	})
}
