package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/lambdakit/kittest"
)

func started(t *testing.T) (*kittest.Cloud, kittest.Function) {
	t.Helper()
	cloud := kittest.New(t, kittest.Policy, kittest.Secrets())
	return cloud, kittest.Start("operator", build, cloud.Env("operator"))
}

// ask sends a request and gives the answer's status and body.
func ask(t *testing.T, f kittest.Function, event string) (status int, body string) {
	t.Helper()
	answer, err := f.Send(t, event)
	var got struct {
		StatusCode int
		Body       string
	}
	if err != nil || json.Unmarshal([]byte(answer), &got) != nil {
		t.Fatalf("%s, %v", answer, err)
	}
	return got.StatusCode, got.Body
}

func TestOnlyAnOperatorIsAnsweredByTokenOrBySignature(t *testing.T) {
	cloud, f := started(t)
	request := func(path, token string) string { return kittest.HTTP(t, http.MethodGet, path, token, "") }
	signed := strings.Replace(request("/v1/incidents", ""), `"http":`, `"authorizer":{"iam":{"userArn":"arn:aws:sts::1:assumed-role/ops/anna"}},"http":`, 1)
	for event, want := range map[string]int{
		request("/v1/incidents", "anna-token-1"): 200, signed: 200, request("/v1/incidents", "guess"): 401, request("/v1/incidents", ""): 401,
		request("/v1/incidents", "webhook-token-1"): 401, request("/healthz", ""): 200, request("/readyz", ""): 401, request("/v1/nothing", "anna-token-1"): 404,
	} {
		if status, body := ask(t, f, event); status != want {
			t.Errorf("%s is answered with %d %s, want %d", event, status, body, want)
		}
	}
	if len(cloud.Calls("Invoke argocdhand")) != 0 {
		t.Error("somebody who is no operator made a hand work")
	}
}

func TestReadyzAsksEachHandAndNamesWhatDoesNotWork(t *testing.T) {
	cloud, f := started(t)
	event := kittest.HTTP(t, http.MethodGet, "/readyz", "anna-token-1", "")
	if status, body := ask(t, f, event); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	cloud.Answer("argocdhand", `{"failed":{"text":"not authenticated at Argo CD","kinds":["deploy.unauthenticated"]}}`)
	cloud.Down("Invoke judge", true)
	status, body := ask(t, f, event)
	var got struct{ Connections []api.Connection }
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	works := map[string]bool{}
	for _, c := range got.Connections {
		works[c.Name] = c.OK
	}
	if diff := cmp.Diff(map[string]bool{"ledger": true, "policy": true, "argocd": false, "prometheus": false, "flags": true}, works); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(body, "not authenticated at Argo CD") {
		t.Errorf("no reason: %s", body)
	}
}

func TestReadyzSaysWhenTheBucketOfLargeRecordsDoesNotWork(t *testing.T) {
	cloud, f := started(t)
	event := kittest.HTTP(t, http.MethodGet, "/readyz", "anna-token-1", "")
	cloud.Down("S3 evidence", true)
	if status, body := ask(t, f, event); status != http.StatusServiceUnavailable || !strings.Contains(body, "evidence bucket evidence: ") {
		t.Errorf("%d %s", status, body)
	}
	cloud.Down("S3 evidence", false)
	if status, body := ask(t, f, event); status != http.StatusOK || len(cloud.Calls("S3 evidence")) != 3 {
		t.Errorf("%d %s, after %d calls, want one that was refused, one that puts and one that gets", status, body, len(cloud.Calls("S3 evidence")))
	}
}

func TestStatusTellsOfQueuePolicyAndTargets(t *testing.T) {
	_, f := started(t)
	status, body := ask(t, f, kittest.HTTP(t, http.MethodGet, "/v1/status", "anna-token-1", ""))
	var got api.Status
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	if got.Queue != (api.Queue{Depth: 2, Dead: 2}) || got.Policy.File != "s3://policies/guardian.yaml" || len(got.Targets) != 1 || got.Mode != "act" {
		t.Errorf("status %+v", got)
	}
}

func TestWhatAnOperatorDoesIsDoneInTheNameThatTheTokenOrTheSignatureGives(t *testing.T) {
	_, f := started(t)
	const freeze = `{"service":"review","for":"1h","why":"release day"}`
	by := func(event string) string {
		status, body := ask(t, f, event)
		var frozen struct{ By string }
		if err := json.Unmarshal([]byte(body), &frozen); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s, %v", status, body, err)
		}
		return frozen.By
	}
	byToken := kittest.HTTP(t, http.MethodPost, "/v1/freeze", "anna-token-1", freeze)
	if got := by(byToken); got != "anna" {
		t.Errorf("by token it is %q", got)
	}
	for arn, want := range map[string]string{
		"arn:aws:sts::123456789012:assumed-role/ops/ben": "ben", "arn:aws:iam::123456789012:user/team/carl": "carl", "arn:aws:iam::123456789012:root": "arn:aws:iam::123456789012:root",
	} {
		signed := strings.Replace(byToken, `"http":`, `"authorizer":{"iam":{"userArn":"`+arn+`"}},"http":`, 1)
		if got := by(signed); got != want {
			t.Errorf("signed by %s it is %q, want %q", arn, got, want)
		}
	}
}

func TestAStrangerChangesNothing(t *testing.T) {
	cloud, f := started(t)
	writes := len(cloud.Calls("TransactWriteItems"))
	for _, path := range []string{"/v1/freeze", "/v1/unfreeze", "/v1/release", "/v1/admit", "/v1/incidents/last/undo", "/v1/incidents/last/approve", "/v1/incidents/last/reject"} {
		status, body := ask(t, f, kittest.HTTP(t, http.MethodPost, path, "guess", `{"service":"review","stage":"prod"}`))
		if status != http.StatusUnauthorized || !strings.Contains(body, "operator token is missing or wrong") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if got := len(cloud.Calls("TransactWriteItems")) - writes; got != 0 {
		t.Errorf("%d writes", got)
	}
}

func TestWhatCannotBeCountedOrReadIsNoStatus(t *testing.T) {
	for _, down := range []string{"GetQueueAttributes", "Query"} {
		cloud, f := started(t)
		cloud.Down(down, true)
		if status, body := ask(t, f, kittest.HTTP(t, http.MethodGet, "/v1/status", "anna-token-1", "")); status != http.StatusInternalServerError {
			t.Errorf("%s is down: %d %s", down, status, body)
		}
	}
}

func TestAnIncidentThatIsNotThereIsNotFoundWhateverIsAskedOfIt(t *testing.T) {
	_, f := started(t)
	for _, request := range []string{"GET /v1/incidents/none", "POST /v1/incidents/none/undo", "POST /v1/incidents/none/approve", "POST /v1/incidents/none/reject"} {
		method, path, _ := strings.Cut(request, " ")
		if status, body := ask(t, f, kittest.HTTP(t, method, path, "anna-token-1", `{}`)); status != http.StatusNotFound || !strings.Contains(body, "none") {
			t.Errorf("%s: %d %s", request, status, body)
		}
	}
}
