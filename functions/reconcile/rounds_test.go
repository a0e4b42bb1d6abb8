package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/lambdakit/kittest"
)

func started(t *testing.T) (*kittest.Cloud, kittest.Function) {
	t.Helper()
	policy := strings.Replace(kittest.Policy, "stages: [{name: prod, application: review}]",
		"flags: {timeline: {safe: \"off\"}}, stages: [{name: dev, application: review-dev}, {name: prod, application: review}]", 1)
	policy = strings.Replace(policy, "gates:\n", "  flags: {flagd: s3://flags/flags.json}\ngates:\n", 1)
	cloud := kittest.New(t, policy, kittest.Secrets())
	return cloud, kittest.Start("reconcile", build, cloud.Env("reconcile"))
}

func TestARoundLooksAtEveryTargetAndFlagAndLetsTheOutboxBeTriedAgain(t *testing.T) {
	cloud, f := started(t)
	if answer, err := f.Send(t, `{"source":"aws.scheduler"}`); err != nil || answer != `{}` {
		t.Fatalf("%s, %v: %s", answer, err, f.Log)
	}
	looks := cloud.Calls("Invoke argocdhand")
	slices.Sort(looks)
	got := map[string][]string{"argocdhand": looks, "flaghand": cloud.Calls("Invoke flaghand"), "notify": cloud.Calls("Invoke notify"), "judge": cloud.Calls("Invoke judge")}
	want := map[string][]string{
		"argocdhand": {`{"service":"review","stage":"dev","step":"look"}`, `{"service":"review","stage":"prod","step":"look"}`},
		"flaghand":   {`{"service":"review","stage":"","step":"look"}`}, "notify": {`{}`}, "judge": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if said := f.Log.String(); !strings.Contains(said, `"Heartbeat":1`) || !strings.Contains(said, `"Troubles":0`) {
		t.Errorf("it says %s", said)
	}
}

func TestWhatGoesWrongInARoundHoldsUpNothingElseAndIsCounted(t *testing.T) {
	cloud, f := started(t)
	cloud.Down("Invoke argocdhand", true)
	cloud.Down("Invoke notify", true)
	cloud.Down("ListExecutions", true)
	if _, err := f.Send(t, `{}`); err != nil {
		t.Fatal(err)
	}
	if len(cloud.Calls("Invoke flaghand")) != 1 || len(cloud.Calls("Invoke argocdhand")) != 2 {
		t.Error("not everything was looked at")
	}
	if said := f.Log.String(); !strings.Contains(said, `"Heartbeat":1`) || !strings.Contains(said, `"Troubles":4`) {
		t.Errorf("it says %s", said)
	}
}

func TestARoundThatDoesNotComeToItsEndBeatsNoHeart(t *testing.T) {
	_, f := started(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := f.Invoke(ctx, []byte(`{}`)); err == nil || strings.Contains(f.Log.String(), `"Heartbeat"`) {
		t.Errorf("%v: %s", err, f.Log)
	}
}
