package local

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
)

// door is a route with one token and what comes of it.
type door struct {
	Token string
	Path  string
	Code  int
}

func try(t *testing.T, h http.Handler, token, path string) door {
	t.Helper()
	if strings.HasPrefix(path, "/v1/") {
		return door{token, path, send(h, http.MethodGet, path, token, nil).Code}
	}
	return door{token, path, send(h, http.MethodPost, path, token, message(t, time.Now(), bad("nobody"))).Code}
}

func TestEachTokenOpensItsOwnDoorsAndNoOther(t *testing.T) {
	g := newWorld(t, setup{}).guardian()
	h := g.Handler()
	want := []door{
		{hookToken, "/webhooks/alertmanager", 202}, {nextToken, "/webhooks/alertmanager", 202},
		{annaToken, "/webhooks/alertmanager", 401}, {"", "/webhooks/alertmanager", 401},
		{annaToken, "/v1/status", 200}, {benToken, "/v1/incidents", 200},
		{hookToken, "/v1/status", 401}, {nextToken, "/v1/incidents", 401}, {"", "/v1/status", 401},
		{argoToken, "/v1/status", 401}, {annaToken + "x", "/v1/status", 401}, {annaToken[:5], "/v1/status", 401},
	}
	var got []door
	for _, d := range want {
		got = append(got, try(t, h, d.Token, d.Path))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestATokenRotatesWithItsFileWithoutARestart(t *testing.T) {
	w := newWorld(t, setup{})
	h := w.guardian().Handler()
	const hook = "/webhooks/alertmanager"
	var got []door
	look := func() {
		for _, token := range []string{hookToken, nextToken, "fresh"} {
			got = append(got, try(t, h, token, hook))
		}
	}
	look()
	w.write("hook.token", "fresh")
	look()
	w.write("next.token", "\n") // an empty secret opens nothing, and who may carry the right one is to send again
	look()
	want := []door{
		{hookToken, hook, 202}, {nextToken, hook, 202}, {"fresh", hook, 401},
		{hookToken, hook, 401}, {nextToken, hook, 202}, {"fresh", hook, 202},
		{hookToken, hook, 503}, {nextToken, hook, 503}, {"fresh", hook, 202},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if log := w.log.String(); !strings.Contains(log, "next.token") || strings.Contains(log, "fresh") {
		t.Errorf("the log should name the reference of an empty secret and no secret:\n%s", log)
	}
}

func TestWithoutTokensNobodyComesIn(t *testing.T) {
	w := newWorld(t, setup{})
	before, rest, _ := strings.Cut(w.policy(), "server:\n")
	_, after, _ := strings.Cut(rest, "connections:")
	w.write("guardian.yaml", before+"connections:"+after)
	h := w.guardian().Handler()
	got := send(h, http.MethodPost, "/webhooks/alertmanager", "anything", message(t, time.Now(), bad("review")))
	if got.Code != http.StatusUnauthorized || !strings.Contains(got.Body.String(), "server.webhookTokens") {
		t.Errorf("webhook: %d %s", got.Code, got.Body)
	}
	if got := send(h, http.MethodGet, "/v1/status", "anything", nil); got.Code != http.StatusUnauthorized {
		t.Errorf("operator: %d %s", got.Code, got.Body)
	}
}

func TestTheOperatorsTokenNamesWhoDidIt(t *testing.T) {
	g := newWorld(t, setup{}).guardian()
	for _, token := range []string{annaToken, benToken} {
		got := send(g.Handler(), http.MethodPost, "/v1/freeze", token, []byte(`{"service":"review","for":"1h","why":"release day"}`))
		if got.Code != http.StatusOK {
			t.Fatalf("status %d: %s", got.Code, got.Body)
		}
		freezes, err := g.ledger.Freezes(t.Context(), time.Now())
		must(t, err)
		want := []ledger.Freeze{{Service: "review", By: strings.Split(token, "-")[2], Why: "release day"}}
		for i := range freezes {
			freezes[i].At, freezes[i].Until = time.Time{}, time.Time{}
		}
		if diff := cmp.Diff(want, freezes); diff != "" {
			t.Error(diff)
		}
	}
}
