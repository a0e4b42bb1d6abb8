package remedy

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/template"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func routes(t testing.TB) *policy.Policy {
	t.Helper()
	var m policy.Matchers
	if err := m.UnmarshalText([]byte(`{severity="critical"}`)); err != nil {
		t.Fatal(err)
	}
	return &policy.Policy{
		Services: map[string]policy.Service{"review": {Stages: []policy.Stage{{Name: "prod"}}}, "orders": {Stages: []policy.Stage{{Name: "dev"}}}},
		Rules:    []policy.Rule{{Name: "errors", Match: m, Target: policy.Target{Service: "label service", Stage: "label env"}}},
		Limits:   policy.Limits{AlertMaxAge: policy.Duration(20 * time.Minute)},
	}
}

func critical(service, env string, startsAt time.Time) template.Alert {
	return template.Alert{
		Status: "firing", StartsAt: startsAt, Fingerprint: "f",
		Labels: template.KV{"alertname": "ManyErrors", "severity": "critical", "service": service, "env": env},
	}
}

func TestAnAlertIsRoutedByTheNamesThatThePolicyHas(t *testing.T) {
	now := noon()
	for name, tt := range map[string]struct {
		alert template.Alert
		kind  string
		why   string
	}{
		"a known target":            {critical("review", "prod", now), "", ""},
		"another rule's severity":   {template.Alert{StartsAt: now, Labels: template.KV{"severity": "info"}}, "no rule", "no rule matches its labels"},
		"an unknown service":        {critical("checkout", "prod", now), "unknown target", `errors points to service "checkout", stage "prod", which the policy does not know`},
		"a stage of another":        {critical("review", "dev", now), "unknown target", `stage "dev", which the policy does not know`},
		"a label that is missing":   {critical("", "prod", now), "unknown target", `service ""`},
		"a name with a template":    {critical("{{ .Values }}", "prod", now), "unknown target", `service "{{ .Values }}"`},
		"a name with a path":        {critical("../../review", "prod", now), "unknown target", `service "../../review"`},
		"a name in another case":    {critical("Review", "prod", now), "unknown target", `service "Review"`},
		"a name with a line break":  {critical("review\n", "prod", now), "unknown target", `service "review "`},
		"a very long name":          {critical(strings.Repeat("x", 5000), "prod", now), "unknown target", strings.Repeat("x", 79) + `…"`},
		"as old as may be":          {critical("review", "prod", now.Add(-20*time.Minute)), "", ""},
		"too old":                   {critical("review", "prod", now.Add(-20*time.Minute-time.Second)), "too old", "it began 20m1s ago, and limits.alertMaxAge is 20m"},
		"of the year 1":             {critical("review", "prod", time.Time{}), "too old", "limits.alertMaxAge is 20m"},
		"as far ahead as clocks go": {critical("review", "prod", now.Add(5*time.Minute)), "", ""},
		"in the future":             {critical("review", "prod", now.Add(5*time.Minute+time.Second)), "in the future", "it begins 5m1s from now: check the sender's clock"},
		"in the year 9999":          {critical("review", "prod", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), "in the future", "check the sender's clock"},
	} {
		t.Run(name, func(t *testing.T) {
			r := route(routes(t), tt.alert, now)
			if r.kind != tt.kind || !strings.Contains(r.why, tt.why) || tt.why == "" && r.why != "" {
				t.Errorf("routed %q: %q", r.kind, r.why)
			}
			if r.kind == "" && r.target != prod() {
				t.Errorf("routed to %s", r.target)
			}
		})
	}
}

func TestNoLabelLeadsAnywhereThatThePolicyDoesNotName(t *testing.T) {
	p := routes(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"review", "orders", "prod", "dev", "label service", "review/prod"}))
		r := route(p, critical(text.Draw(t, "service"), text.Draw(t, "env"), noon()), noon())
		if _, _, ok := p.Stage(r.target.Service, r.target.Stage); !ok && r.why == "" {
			t.Fatalf("routed to %q", r.target)
		}
		if r.why == "" && r.target != prod() && r.target != (ledger.Target{Service: "orders", Stage: "dev"}) {
			t.Fatalf("routed to %q", r.target)
		}
	})
}

func TestTextFromOutsideBecomesOneShortLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := alertOf(template.Alert{
			Labels:       template.KV{"alertname": rapid.String().Draw(t, "name")},
			Annotations:  template.KV{"summary": rapid.String().Draw(t, "summary"), "runbook_url": rapid.String().Draw(t, "runbook")},
			GeneratorURL: "https://" + rapid.String().Draw(t, "url"),
		})
		for _, s := range []string{a.Name, a.Summary, a.Link, a.Runbook} {
			if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) || utf8.RuneCountInString(s) > 2000 {
				t.Fatalf("%q", s)
			}
		}
		if utf8.RuneCountInString(a.Name) > 120 || utf8.RuneCountInString(a.Summary) > 300 {
			t.Fatalf("%q %q", a.Name, a.Summary)
		}
	})
}

func TestOnlyWebAddressesBecomeLinks(t *testing.T) {
	for text, want := range map[string]string{
		"https://runbooks.example/checkout":      "https://runbooks.example/checkout",
		"http://prometheus.example:9090/graph":   "http://prometheus.example:9090/graph",
		"javascript:alert(1)":                    "",
		"data:text/html,x":                       "",
		"//host/path":                            "",
		"file:///etc/passwd":                     "",
		"":                                       "",
		"https://x/" + strings.Repeat("y", 2000): "",
	} {
		if got := link(text); got != want {
			t.Errorf("link(%.40q) = %q", text, got)
		}
	}
}

func TestAnEpisodeAlwaysGivesTheSameIncidentAndAnotherGivesAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := ledger.Alert{Fingerprint: rapid.StringN(1, 16, 64).Draw(t, "fingerprint"), StartsAt: noon()}
		id := incidentID(prod(), a)
		if id != incidentID(prod(), a) || !strings.HasPrefix(id, "review-prod-") {
			t.Fatal(id)
		}
		later := a
		later.StartsAt = a.StartsAt.Add(time.Duration(rapid.Int64Range(1, 1e15).Draw(t, "later")))
		if id == incidentID(prod(), later) || id == incidentID(ledger.Target{Service: "review", Stage: "dev"}, a) {
			t.Fatal("two episodes give the same incident")
		}
	})
}

func TestAQuarantinedReleaseIsKnownByRevisionLabelTagAndShortRevision(t *testing.T) {
	const sha = "f88c0821cb16e449b0056cfd64d1a2ac154fcc81"
	q := ledger.Quarantine{Release: "0123456789abcdef", Label: "image.tag=v42", Revisions: []string{sha, "1.4.0"}}
	for release, want := range map[string]bool{
		sha: true, sha[:7]: true, sha[:12]: true, "1.4.0": true, "image.tag=v42": true, "v42": true, "0123456789abcdef": true,
		sha[:6]: false, "": false, "v4": false, "2": false, "tag=v42": false, "v43": false, "1.4": false, sha + "0": false,
	} {
		if got := names(q, release); got != want {
			t.Errorf("%q names it: %t", release, got)
		}
	}
}
