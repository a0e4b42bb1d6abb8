package local

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/intake"
)

// secretText stands in bodies that are refused; it must come out nowhere.
const secretText = "hunter2-do-not-repeat"

// refusedInput is a webhook that is not taken.
type refusedInput struct {
	name    string
	method  string // POST where empty
	path    string // /webhooks/alertmanager where empty
	token   string // the right one where empty
	body    string
	status  int
	message string // part of the answer
	sender  string // of the metric; alertmanager where empty
}

func refusedInputs() []refusedInput {
	alert := `{"status":"firing","labels":{"alertname":"Bad","service":"review","env":"prod"},"startsAt":"2026-01-02T03:04:05Z"}`
	of := func(alerts string) string { return `{"version":"4","groupKey":"g","alerts":[` + alerts + `]}` }
	return []refusedInput{
		{name: "no body", status: 400, message: "body is empty"},
		{name: "only space", body: " \n ", status: 400, message: "body is empty"},
		{name: "a byte more than a mebibyte", body: strings.Repeat(" ", intake.MaxBody+1), status: 413, message: "max_alerts"},
		{name: "a million alerts", body: of(strings.Repeat("{},", 1e6) + "{}"), status: 413, message: "max_alerts"},
		{name: "more alerts than are taken, in less than a mebibyte", body: of(strings.Repeat("{},", 10_000) + "{}"), status: 413, message: "10001"},
		{name: "cut off", body: of(alert)[:60], status: 400, message: "cut off"},
		{name: "goes on after its end", body: of(alert) + secretText, status: 400, message: "body"},
		{name: "not JSON", body: secretText, status: 400, message: "not JSON"},
		{name: "a list for a message", body: `["` + secretText + `"]`, status: 400, message: "array"},
		{name: "a number for the alerts", body: `{"version":"4","alerts":7}`, status: 400, message: "alerts"},
		{name: "a number for a label", body: of(`{"labels":{"a":1}}`), status: 400, message: "number"},
		{name: "version of long ago", body: `{"version":"3","alerts":[` + alert + `]}`, status: 400, message: "is not supported"},
		{name: "no version", body: `{"alerts":[` + alert + `]}`, status: 400, message: "version"},
		{name: "no alerts", body: of(""), status: 400, message: "alerts are missing"},
		{name: "not UTF-8", body: of(strings.Replace(alert, "Bad", "\xff\xfe", 1)), status: 400, message: "UTF-8"},
		{name: "deeply nested", body: `{"version":"4","deep":` + strings.Repeat("[", 20_000), status: 400, message: "depth"},
		{name: "deeply nested to its end", body: strings.Repeat("[", 300_000) + strings.Repeat("]", 300_000), status: 400, message: "depth"},
		{name: "neither firing nor resolved", body: of(strings.Replace(alert, "firing", "burning", 1)), status: 400, message: "neither firing nor resolved"},
		{name: "begins at no time", body: of(strings.Replace(alert, "2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", 1)), status: 400, message: "startsAt is missing"},
		{name: "begins at noon", body: of(strings.Replace(alert, "2026-01-02T03:04:05Z", "noon "+secretText, 1)), status: 400, message: "RFC 3339"},
		{name: "no labels", body: of(`{"status":"firing","startsAt":"2026-01-02T03:04:05Z"}`), status: 400, message: "labels are missing"},
		{name: "compressed", body: compressed(of(alert)), status: 400, message: "UTF-8"},
		{name: "wrong token", token: secretText, body: of(alert), status: 401, message: "token is missing or wrong"},
		{name: "an operator's token", token: annaToken, body: of(alert), status: 401, message: "token is missing or wrong"},
		{name: "no token", token: "none", body: of(alert), status: 401, message: "token is missing or wrong"},
		{name: "read instead of sent", method: http.MethodGet, status: 405, message: "POST", sender: "unknown"},
		{name: "replaced instead of sent", method: http.MethodPut, body: of(alert), status: 405, message: "POST", sender: "unknown"},
		{name: "wrong path", path: "/webhooks/alertmanger", body: of(alert), status: 404, message: "/webhooks/alertmanager", sender: "unknown"},
		{name: "an empty list", path: "/webhooks/alertmanager/api/v2/alerts", body: "[]", status: 400, message: "list is empty", sender: "alerts"},
		{name: "a message for a list", path: "/webhooks/alertmanager/api/v2/alerts", body: of(alert), status: 400, message: "object", sender: "alerts"},
		{name: "an empty notification", path: "/webhooks/argocd", status: 400, message: "body is empty", sender: "argocd"},
		{name: "a notification without application", path: "/webhooks/argocd", body: `{"x":"` + secretText + `"}`, status: 400, message: "app", sender: "argocd"},
		{name: "a number for an application", path: "/webhooks/argocd", body: `{"app":7}`, status: 400, message: "app", sender: "argocd"},
		{name: "a notification with a wrong token", path: "/webhooks/argocd", token: "x", body: `{"app":"review"}`, status: 401, message: "token", sender: "argocd"},
	}
}

func compressed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text)) // a buffer takes all
	_ = z.Close()
	return b.String()
}

func TestBadInputIsRefusedClearlyCountedAndWithoutEffect(t *testing.T) {
	w := newWorld(t, setup{})
	w.badRelease()
	g := w.guardian()
	h := g.Handler()
	for _, in := range refusedInputs() {
		t.Run(in.name, func(t *testing.T) {
			before := counted(t, h)
			got := in.send(h)
			if got.Code != in.status {
				t.Errorf("status %d, want %d: %s", got.Code, in.status, got.Body)
			}
			text := got.Body.String()
			if !strings.Contains(text, in.message) || !strings.HasPrefix(text, `{"error":"`) {
				t.Errorf("answer %s, want a problem that says %q", text, in.message)
			}
			if strings.Contains(text, secretText) || len(text) > 300 {
				t.Errorf("answer repeats what was sent: %.400s", text)
			}
			sender := in.sender
			if sender == "" {
				sender = "alertmanager"
			}
			grown := more(before, counted(t, h))
			if _, ok := grown[fmt.Sprintf("guardian_webhooks_total{sender=%q,status=\"%d\"}", sender, in.status)]; !ok || len(grown) != 1 {
				t.Errorf("counted %v, want one webhook of %s with %d", grown, sender, in.status)
			}
		})
	}
	noEffect(t, w, g)
	for _, token := range []string{hookToken, secretText, annaToken} {
		if strings.Contains(w.log.String(), token) {
			t.Errorf("the log holds %s", token)
		}
	}
}

func (in refusedInput) send(h http.Handler) *httptest.ResponseRecorder {
	method, path, token := in.method, in.path, in.token
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/webhooks/alertmanager"
	}
	switch token {
	case "":
		token = hookToken
	case "none":
		token = ""
	}
	return send(h, method, path, token, []byte(in.body))
}

// noEffect checks that nothing waits, nothing was opened and nothing deployed.
func noEffect(t *testing.T, w *world, g *Guardian) {
	t.Helper()
	queued, err := g.queued(t.Context())
	must(t, err)
	incidents, err := g.ledger.Incidents(t.Context(), 0)
	must(t, err)
	if queued.Depth+queued.Dead+len(incidents) != 0 {
		t.Errorf("queue %+v, incidents %d: want none", queued, len(incidents))
	}
	if n := w.history("review"); n != 2 || !w.runs("review", "v2") {
		t.Errorf("Argo CD has %d deployments: want the two of before", n)
	}
}

func TestAlertsThatLeadNowhereAreTakenAndIgnoredWithTheReason(t *testing.T) {
	now := time.Now()
	cases := []struct {
		name   string
		body   []byte
		metric string
		reason string
	}{
		{"a service that the policy does not know", message(t, now, bad("nobody")), "ignored: unknown target", `service "nobody"`},
		{"a stage that the policy does not know", message(t, now, bad("review", "env", "moon")), "ignored: unknown target", `stage "moon"`},
		{"a label like a path", message(t, now, bad("../../etc/passwd")), "ignored: unknown target", "which the policy does not know"},
		{"a label like a template", message(t, now, bad("{{ .Env }}${HOME}$service")), "ignored: unknown target", "which the policy does not know"},
		{"no rule matches", message(t, now, bad("review", "alertname", "Other")), "ignored: no rule", "no rule matches"},
		{"began too long ago", message(t, now.Add(-time.Hour), bad("review")), "ignored: too old", "alertMaxAge"},
		{"begins in an hour", message(t, now.Add(time.Hour), bad("review")), "ignored: in the future", "sender's clock"},
		{"began in year one", message(t, time.Unix(-60000000000, 0), bad("review")), "ignored: too old", "alertMaxAge"},
		{"cut off by the receiver", bytes.Replace(message(t, now, bad("nobody", "pod", "7")), []byte(`"truncatedAlerts":0`), []byte(`"truncatedAlerts":9`), 1), "ignored: truncated", "9 alerts were cut off"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.badRelease()
			g := w.guardian()
			h := g.Handler()
			if got := send(h, http.MethodPost, "/webhooks/alertmanager", hookToken, c.body); got.Code != http.StatusAccepted {
				t.Fatalf("status %d: %s", got.Code, got.Body)
			}
			drain(t, g)
			if n := counted(t, h)[fmt.Sprintf("guardian_alerts_total{outcome=%q}", c.metric)]; n == "" {
				t.Errorf("counted %v, want %s", counted(t, h), c.metric)
			}
			ignored, err := g.ledger.Ignored(t.Context(), 10)
			must(t, err)
			var texts []string
			for _, e := range ignored {
				texts = append(texts, e.Text)
			}
			if !strings.Contains(strings.Join(texts, "\n"), c.reason) {
				t.Errorf("ignored because %q, want %q", texts, c.reason)
			}
			noEffect(t, w, g)
		})
	}
}

func TestABodyWithoutLengthIsTakenUpToTheLimit(t *testing.T) {
	w := newWorld(t, setup{})
	s := w.serve()
	post := func(body string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/webhooks/alertmanager", chunked{strings.NewReader(body)})
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+hookToken)
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		must(t, resp.Body.Close())
		return resp.StatusCode
	}
	got := []int{
		post(string(message(t, time.Now(), bad("nobody")))),
		post(strings.Repeat(" ", intake.MaxBody+1)),
	}
	if diff := cmp.Diff([]int{202, 413}, got); diff != "" {
		t.Error(diff)
	}
}

// chunked hides how long a body is.
type chunked struct{ io.Reader }
