package cloud

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// gate is a gateway whose function hand has the permissions, as CloudFormation's template writes them.
func gate(t *testing.T, permissions ...string) *Gateway {
	t.Helper()
	g, err := NewGateway("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	var p Policy
	for _, text := range permissions {
		var properties map[string]any
		if err := json.Unmarshal([]byte(text), &properties); err != nil {
			t.Fatal(err)
		}
		statement, err := ParsePermission(properties)
		if err != nil {
			t.Fatal(err)
		}
		p.Statements = append(p.Statements, statement)
	}
	g.Protect(runtimeapi.ARN("hand"), p)
	return g
}

func TestAFunctionAdmitsThePrincipalAndSourceThatItsPermissionNames(t *testing.T) {
	topic := arn(sns, "alerts")
	permission := `{"Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com", "SourceArn": "` + topic + `"}`
	for name, tt := range map[string]struct {
		source Source
		action string
		want   bool
	}{
		"the topic":         {ServiceOf("sns.amazonaws.com", topic), "lambda:InvokeFunction", true},
		"another topic":     {ServiceOf("sns.amazonaws.com", topic+"-2"), "lambda:InvokeFunction", false},
		"another service":   {ServiceOf("events.amazonaws.com", topic), "lambda:InvokeFunction", false},
		"another action":    {ServiceOf("sns.amazonaws.com", topic), "lambda:InvokeFunctionUrl", false},
		"of unknown origin": {Source{Principal: "sns.amazonaws.com"}, "lambda:InvokeFunction", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := gate(t, permission)
			err := g.Admit(tt.source, runtimeapi.ARN("hand"), tt.action)
			if (err == nil) != tt.want || (err != nil) != Denied(err) {
				t.Errorf("admitted %t (%v), want %t", err == nil, err, tt.want)
			}
			if noted := len(g.Calls()) == 1 && g.Calls()[0].Denied; noted == tt.want {
				t.Errorf("what was refused is noted: %t", noted)
			}
			if err := g.Admit(tt.source, runtimeapi.ARN("other"), tt.action); !Denied(err) {
				t.Errorf("a function without a policy: %v", err)
			}
		})
	}
}

func TestAFunctionURLTakesBothRights(t *testing.T) {
	const (
		byURL  = `{"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}`
		invoke = `{"Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true}`
	)
	for name, tt := range map[string]struct {
		permissions []string
		authType    string
		want        bool
	}{
		"both":                {[]string{byURL, invoke}, "NONE", true},
		"the URL's only":      {[]string{byURL}, "NONE", false},
		"the function's only": {[]string{invoke}, "NONE", false},
		"a URL that asks":     {[]string{byURL, invoke}, "AWS_IAM", false},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			g := gate(t, tt.permissions...)
			if _, err := g.AdmitURL(r, runtimeapi.ARN("hand"), tt.authType); (err == nil) != tt.want {
				t.Errorf("admitted %t (%v), want %t", err == nil, err, tt.want)
			}
			if err := g.Admit(Source{Principal: "*"}, runtimeapi.ARN("hand"), "lambda:InvokeFunction"); !Denied(err) {
				t.Errorf("by another way: %v", err)
			}
		})
	}
}

func TestAFunctionURLThatAsksForASignatureAdmitsTheRoleThatMayInvokeByURL(t *testing.T) {
	hand := runtimeapi.ARN("hand")
	for name, tt := range map[string]struct {
		service string
		actions texts
		want    bool
	}{
		"both rights":               {lambda, texts{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}, true},
		"one right":                 {lambda, texts{"lambda:InvokeFunctionUrl"}, false},
		"signed for something else": {sqs, texts{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := gate(t)
			g.Let("AKIAANNA", Role{[]Statement{{Effect: "Allow", Action: tt.actions, Resource: texts{hand}}}})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", authorization("AKIAANNA", tt.service))
			signer, err := g.AdmitURL(r, hand, "AWS_IAM")
			if (err == nil) != tt.want || (signer != "") != tt.want {
				t.Errorf("admitted %q (%v), want %t", signer, err, tt.want)
			}
		})
	}
}

func TestAPolicyDeniesBeforeItAllowsAndHoldsOnlyKnownConditions(t *testing.T) {
	var document any
	if err := json.Unmarshal([]byte(`{"Statement": [
		{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
		{"Effect": "Allow", "Principal": {"Service": ["sns.amazonaws.com", "aps.amazonaws.com"]}, "Action": "sqs:SendMessage",
			"Condition": {"ArnEquals": {"aws:SourceArn": ["arn:aws:sns:*:alerts", "arn:aws:sns:*:alarms"]}}},
		{"Effect": "Allow", "Principal": "*", "Action": "sqs:DeleteMessage", "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}}
	]}`), &document); err != nil {
		t.Fatal(err)
	}
	p, err := ParsePolicy(document)
	if err != nil {
		t.Fatal(err)
	}
	from := func(arn, secure string) Source {
		return Source{Principal: "sns.amazonaws.com", Context: map[string]string{"aws:sourcearn": arn, "aws:securetransport": secure, "aws:currenttime": "2026-01-01"}}
	}
	for name, tt := range map[string]struct {
		source Source
		action string
		want   bool
	}{
		"as it says":              {from("arn:aws:sns:x:alarms", "true"), "sqs:SendMessage", true},
		"not encrypted":           {from("arn:aws:sns:x:alarms", "false"), "sqs:SendMessage", false},
		"from elsewhere":          {from("arn:aws:sns:x:other", "true"), "sqs:SendMessage", false},
		"an unknown condition":    {from("arn:aws:sns:x:alarms", "true"), "sqs:DeleteMessage", false},
		"an action of no mention": {from("arn:aws:sns:x:alarms", "true"), "sqs:ReceiveMessage", false},
	} {
		if got := p.allows(tt.source, tt.action); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}
