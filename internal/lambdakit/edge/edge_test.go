package edge_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/edge"
	"github.com/cinegit/guardian/internal/lambdakit/kittest"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// deployments is a function at the edge whose queue source is any event.
func deployments(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	e, err := edge.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	return lambdakit.Sources{
		HTTP: e.Webhooks(intake.ArgoCD),
		Any: func(ctx context.Context, event []byte) ([]byte, error) {
			return []byte("{}"), e.Take(ctx, "test", intake.ArgoCD, string(event))
		},
	}, nil
}

func started(t *testing.T, secrets map[string]string, tokens string) (*kittest.Cloud, kittest.Function) {
	t.Helper()
	cloud := kittest.New(t, kittest.Policy, secrets)
	env := cloud.Env("deployments")
	env[names.Tokens] = tokens
	return cloud, kittest.Start("deployments", deployments, env)
}

// status is what a webhook with a token is answered.
func status(t *testing.T, f kittest.Function, token string) int {
	t.Helper()
	answer, err := f.Send(t, kittest.HTTP(t, http.MethodPost, "/webhooks/argocd", token, `{"app":"review"}`))
	var got struct{ StatusCode int }
	if err != nil || json.Unmarshal([]byte(answer), &got) != nil {
		t.Fatalf("%s, %v", answer, err)
	}
	return got.StatusCode
}

func TestWithoutATokenThatCanBeHadItIsNotReadyAndSaysWhyInOneLine(t *testing.T) {
	for name, tt := range map[string]struct {
		secrets      map[string]string
		tokens, says string
	}{
		"no reference":          {kittest.Secrets(), " , ", "GUARDIAN_WEBHOOK_TOKENS names no secret: write secret:NAME"},
		"an unknown secret":     {map[string]string{}, "secret:webhook", "GUARDIAN_WEBHOOK_TOKENS: look up secret:webhook"},
		"an empty secret":       {map[string]string{"webhook": "\n"}, "secret:webhook", "it is empty"},
		"a token and no secret": {kittest.Secrets(), "webhook-token-1", "GUARDIAN_WEBHOOK_TOKENS"},
	} {
		_, f := started(t, tt.secrets, tt.tokens)
		said := f.Log.String()
		if strings.Count(said, "not ready") != 1 || !strings.Contains(said, tt.says) || strings.Contains(said, "%!") || strings.Contains(said, "webhook-token-1") {
			t.Errorf("%s: %s", name, said)
		}
		if got := status(t, f, "webhook-token-1"); got != http.StatusServiceUnavailable {
			t.Errorf("%s: answered with %d", name, got)
		}
	}
}

func TestAnyOfTheTokensOpensAndOneThatCannotBeHadDoesNotShut(t *testing.T) {
	_, f := started(t, map[string]string{"webhook": "webhook-token-1", "next": "webhook-token-2"}, "secret:webhook,secret:next, secret:gone")
	// Any other token may be the one that cannot be had.
	for token, want := range map[string]int{"webhook-token-1": 202, "webhook-token-2": 202, "": 401, "guess": 503, "secret:webhook": 503} {
		if got := status(t, f, token); got != want {
			t.Errorf("%q is answered with %d, want %d", token, got, want)
		}
	}
}

// An alarm looks at the count: who is refused sends it never again.
func TestWhatIsRefusedIsCountedAndWhatIsTakenOrToBeSentAgainIsNot(t *testing.T) {
	for name, tt := range map[string]struct {
		path, token, tokens string
		want                int
	}{
		"taken":            {"/webhooks/argocd", "webhook-token-1", "secret:webhook", 0},
		"a wrong token":    {"/webhooks/argocd", "guess", "secret:webhook", 1},
		"cannot be known":  {"/webhooks/argocd", "guess", "secret:webhook,secret:gone", 0},
		"a stranger's way": {"/webhooks/guess", "guess", "secret:webhook", 0},
	} {
		_, f := started(t, kittest.Secrets(), tt.tokens)
		if _, err := f.Send(t, kittest.HTTP(t, http.MethodPost, tt.path, tt.token, `{"app":"review"}`)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(f.Log.String(), `"Refused":1`); got != tt.want {
			t.Errorf("%s: counted %d times, want %d:\n%s", name, got, tt.want, f.Log)
		}
	}
}

func TestWhatCanNeverBeTakenIsBuriedAsItCameWithTheReason(t *testing.T) {
	for body, reason := range map[string]string{`{"app":7}`: "is not a string", `{}`: "is missing", strings.Repeat("x", intake.MaxBody+1): "larger than"} {
		cloud, f := started(t, kittest.Secrets(), "secret:webhook")
		if _, err := f.Send(t, body); err != nil {
			t.Errorf("%.20s: %v", body, err)
		}
		sent := cloud.Calls("SendMessage")
		var letter struct {
			QueueURL, MessageBody string
			MessageAttributes     map[string]struct{ StringValue string }
		}
		if len(sent) != 1 || json.Unmarshal([]byte(sent[0]), &letter) != nil {
			t.Fatalf("%.20s: sent %.200v", body, sent)
		}
		if !strings.HasSuffix(letter.QueueURL, "dead.fifo") || letter.MessageBody != body || letter.MessageAttributes["source"].StringValue != "test" || !strings.Contains(letter.MessageAttributes["reason"].StringValue, reason) {
			t.Errorf("%.20s: sent %.400s", body, sent[0])
		}
		if said := f.Log.String(); !strings.Contains(said, names.Buried) || strings.Contains(said, body) && body != "{}" {
			t.Errorf("%.20s: it says %.400s", body, said)
		}
	}
}

func TestWhatCannotBeTakenOrBuriedNowIsAnErrorSoThatItComesAgain(t *testing.T) {
	for _, body := range []string{`{"app":"review"}`, `{}`} {
		cloud, f := started(t, kittest.Secrets(), "secret:webhook")
		cloud.Down("SendMessage", true)
		if _, err := f.Send(t, body); err == nil || !strings.Contains(err.Error(), "Transient") {
			t.Errorf("%s: %v", body, err)
		}
		cloud.Down("SendMessage", false)
		if _, err := f.Send(t, body); err != nil {
			t.Errorf("%s again: %v", body, err)
		}
	}
}
