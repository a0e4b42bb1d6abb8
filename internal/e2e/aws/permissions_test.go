//go:build e2e

package aws_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
)

// doors are the ways into the functions, by the function and who stands before it: the principal of the
// permissions that open it. Each knocks once.
func (w *world) doors() map[string]func() {
	out := map[string]func(){
		"alerts sns.amazonaws.com": func() {
			w.sns(url.Values{"Action": {"Publish"}, "TopicArn": {w.topic}, "Message": {"no alert"}})
		},
		"reconcile events.amazonaws.com": func() { w.tick(w.t.Context()) },
	}
	for function := range w.urls {
		out[function+" *"] = func() { _ = w.healthz(function, "") }
	}
	return out
}

// healthz asks a function at its URL how it is and gives the status; with a key the request is signed.
func (w *world) healthz(function, key string) int {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.urls[function]+"/healthz", http.NoBody)
	must(w.t, err)
	if key != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261122/"+template.Region+"/lambda/aws4_request, SignedHeaders=host, Signature=0")
	}
	res, err := w.http.Do(r)
	must(w.t, err)
	defer func() { _ = res.Body.Close() }()
	_ = readAll(res.Body)
	return res.StatusCode
}

// closed knocks at all doors and gives those that nobody was let in by.
func (w *world) closed() []string {
	w.t.Helper()
	out := []string{}
	for door, knock := range w.doors() {
		knock()
		if len(w.denials()) > 0 {
			out = append(out, door)
		}
	}
	slices.Sort(out)
	return out
}

// TestStackLetsASourceInByItsPermissionAlone takes each permission out of the template, and falsifies it.
func TestStackLetsASourceInByItsPermissionAlone(t *testing.T) {
	w := newWorld(t, setup{})
	whole := w.template
	if closed := w.closed(); len(closed) > 0 {
		t.Fatalf("with the whole template nobody is let in by %v", closed)
	}
	all := w.of("AWS::Lambda::Permission")
	if len(all) != len(w.doors())+len(w.urls) { // a Function URL takes two
		t.Errorf("%d permissions for %d doors", len(all), len(w.doors()))
	}
	for _, r := range all {
		door := strings.TrimPrefix(w.functionOf(r.Text("FunctionName")), "guardian-") + " " + r.Text("Principal")
		changes := map[string]*template.Template{
			"taken out":             whole.Without(r.ID),
			"for another principal": whole.With(r.ID, "Principal", "s3.amazonaws.com"),
			"for another function":  whole.With(r.ID, "FunctionName", runtimeapi.ARN("guardian-judge")),
		}
		if r.Text("SourceArn") != "" {
			changes["for another source"] = whole.With(r.ID, "SourceArn", r.Text("SourceArn")+"-other")
		}
		if r.Text("FunctionUrlAuthType") != "" {
			changes["for another kind of URL"] = whole.With(r.ID, "FunctionUrlAuthType", "AWS_IAM")
		}
		for change, changed := range changes {
			t.Run(door+" "+r.Text("Action")+" "+change, func(t *testing.T) {
				w.deployRights(changed)
				if diff := cmp.Diff([]string{door}, w.closed()); diff != "" {
					t.Errorf("doors that are closed (-want +got):\n%s", diff)
				}
			})
		}
	}
	w.deployRights(whole)
	if n := len(w.heldBack()); n == 0 {
		t.Error("what the topic could not deliver is lost")
	}
}

// heldBack is what the topic of alerts could not deliver to the function.
func (w *world) heldBack() []letter { return w.letters(queueOf("undelivered")) }

// TestStackPollsAQueueWithTheRightsOfItsFunctionAlone takes each right to take from the queue out of the role
// of dispatch, and all of them.
func TestStackPollsAQueueWithTheRightsOfItsFunctionAlone(t *testing.T) {
	for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
		t.Run(action, func(t *testing.T) {
			without := func(of *template.Template) *template.Template { return withoutAction(t, of, "dispatch", action) }
			w := newWorld(t, setup{template: without})
			w.send(queueOf("intake.fifo"), "poison", "no envelope")
			var lacked string
			w.until("Lambda is denied the right", func() bool {
				for _, call := range w.denials() {
					lacked = call.Caller + " " + call.Needs[0].Action
				}
				return lacked != ""
			})
			if lacked != key("dispatch")+" "+action {
				t.Errorf("denied was %s", lacked)
			}
			w.forgive("guardian-dispatch")
		})
	}
}

// withoutAction takes one action out of all statements of a function's role.
func withoutAction(t *testing.T, of *template.Template, function, action string) *template.Template {
	t.Helper()
	w := &world{t: t, template: of}
	arn := w.function(function).Text("Role")
	role, err := of.Resource(arn[strings.LastIndex(arn, "/")+1:])
	must(t, err)
	found := 0
	for _, policy := range role.List("Policies") {
		document, _ := policy.(map[string]any)["PolicyDocument"].(map[string]any)
		statements, _ := document["Statement"].([]any)
		for _, s := range statements {
			statement := s.(map[string]any)
			if actions, ok := statement["Action"].([]any); ok {
				statement["Action"] = slices.DeleteFunc(actions, func(a any) bool { return a == action })
				found += len(actions) - len(statement["Action"].([]any))
			}
		}
	}
	if found != 1 {
		t.Fatalf("the role of %s has %s %d times", function, action, found)
	}
	return of.With(role.ID, "Policies", role.List("Policies"))
}

// TestStackAsksForASignatureWhereAFunctionURLDoes gives the operators' URL the other type of authorization.
func TestStackAsksForASignatureWhereAFunctionURLDoes(t *testing.T) {
	w := newWorld(t, setup{})
	for _, r := range w.of("AWS::Lambda::Url") {
		if w.functionOf(r.Text("TargetFunctionArn")) == "guardian-operator" {
			w.deployRights(w.template.With(r.ID, "AuthType", "AWS_IAM"))
		}
	}
	// The dispatcher's role stands for a person's that lacks the rights.
	for who, want := range map[string]int{"": http.StatusForbidden, "AKIASTRANGER": http.StatusForbidden, key("dispatch"): http.StatusForbidden} {
		if got := w.healthz("operator", who); got != want {
			t.Errorf("a request signed by %q is answered %d, want %d", who, got, want)
		}
	}
	may, err := cloud.ParseRole([]any{map[string]any{"PolicyDocument": map[string]any{"Statement": []any{map[string]any{
		"Effect": "Allow", "Action": []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}, "Resource": runtimeapi.ARN("guardian-operator"),
	}}}}})
	must(t, err)
	w.gateway.Let("AKIAANNA", may)
	if got := w.healthz("operator", "AKIAANNA"); got != http.StatusOK {
		t.Errorf("a request of who may is answered %d", got)
	}
	if n := len(w.denials()); n != 3 {
		t.Errorf("%d requests were denied, want 3", n)
	}
}
