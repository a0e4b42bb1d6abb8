package live

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/kittest"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// judging builds a function that only confirms.
func judging(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := Open(ctx, k)
	if err != nil {
		return nil, err
	}
	return Steps(ctx, b, func(*policy.Policy) (Parts, func() error, error) {
		return Parts{Steps: []ledger.Step{ledger.StepConfirm}}, nil, nil
	})
}

func TestAFunctionThatReachesNoTableOrNoPolicyIsNotReadyAndSaysWhy(t *testing.T) {
	for name, tt := range map[string]struct{ down, policy, says string }{
		"no table":     {"GetItem", kittest.Policy, names.Table},
		"no policy":    {"S3 /policies/guardian.yaml", kittest.Policy, "read policy s3://policies/guardian.yaml"},
		"a bad policy": {"", "mode: [", "no earlier version of policy s3://policies/guardian.yaml can be taken either"},
	} {
		cloud := kittest.New(t, tt.policy, kittest.Secrets())
		cloud.Down(tt.down, true)
		f := kittest.Start("judge", judging, cloud.Env("judge"))
		if said := f.Log.String(); strings.Count(said, "not ready") != 1 || !strings.Contains(said, tt.says) {
			t.Errorf("%s: %s", name, said)
		}
		if _, err := f.Send(t, `{"id":"i","step":"confirm"}`); err == nil || !strings.Contains(err.Error(), "Unready") {
			t.Errorf("%s: an event is answered with %v", name, err)
		}
	}
}

func TestS3IsAskedOnceInTenSecondsAlsoWhileNothingChanges(t *testing.T) {
	cloud := kittest.New(t, mode("act"), nil)
	f := follow(t)
	f.wants(t, 0, "act", "1", "")
	for range 5 { // asked at 10 s, and not until 20 s
		f.wants(t, lookAfter/5, "act", "1", "")
	}
	for range 4 {
		f.wants(t, lookAfter/5, "act", "1", "")
	}
	if reads := len(cloud.Calls("S3 /policies/guardian.yaml")); reads != 2 {
		t.Errorf("S3 was asked %d times", reads)
	}
	if n := strings.Count(f.log.String(), "policy taken"); n != 1 || strings.Count(f.emf.String(), `"Outcome":"taken"`) > 1 {
		t.Errorf("taken is told %d times: %s", n, &f.log)
	}
	f.now = f.now.Add(time.Hour)
	cloud.Put(mode("observe"))
	f.wants(t, 0, "observe", "2", "")
}
