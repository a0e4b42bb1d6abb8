package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// denied is the code of an answer to who may not.
const denied = "AccessDeniedException"

// The conditions by which a function's policy knows a Function URL.
const (
	urlAuthType = "lambda:FunctionUrlAuthType"
	viaURL      = "lambda:InvokedViaFunctionUrl"
)

// Source is who wants to use a resource and has no role: a service of AWS, or anybody.
type Source struct {
	Principal string            // such as sns.amazonaws.com; anybody is *
	Context   map[string]string // what is known of it, by condition keys in lower case
}

// ServiceOf gives a service of AWS that acts for a resource of the account, such as a topic.
func ServiceOf(principal, arn string) Source {
	return Source{Principal: principal, Context: map[string]string{"aws:sourcearn": arn, "aws:sourceaccount": runtimeapi.Account}}
}

// Denied tells whether an error means that somebody may not do what they wanted.
func Denied(err error) bool { return Code(err) == denied }

// Policy is the policy of a resource: who may do what to it.
type Policy struct{ Statements []Statement }

// ParsePolicy reads a PolicyDocument whose references are resolved.
func ParsePolicy(document any) (Policy, error) {
	raw, err := json.Marshal(document)
	if err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	var out struct{ Statement []Statement }
	if err := json.Unmarshal(raw, &out); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	return Policy{out.Statement}, nil
}

func (p Policy) allows(s Source, action string) bool {
	allowed := false
	for _, st := range p.Statements {
		if !st.Principal.has(s.Principal) || !anyMatches(st.Action, action) || !st.holds(s.Context) {
			continue
		}
		if st.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

// Permission is an AWS::Lambda::Permission: one statement of a function's policy.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-permission.html
type Permission struct {
	Action, Principal        string
	SourceArn, SourceAccount string // may be empty
	FunctionURLAuthType      string `json:"FunctionUrlAuthType"`
	InvokedViaFunctionURL    bool   `json:"InvokedViaFunctionUrl"`
}

// ParsePermission reads the properties of a permission whose references are resolved.
func ParsePermission(properties map[string]any) (Statement, error) {
	raw, err := json.Marshal(properties)
	if err != nil {
		return Statement{}, fmt.Errorf("permission: %w", err)
	}
	var p Permission
	if err := json.Unmarshal(raw, &p); err != nil {
		return Statement{}, fmt.Errorf("permission: %w", err)
	}
	return p.statement(), nil
}

func (p Permission) statement() Statement {
	when := map[string]map[string]texts{}
	add := func(operator, key, value string) {
		if value == "" {
			return
		}
		if when[operator] == nil {
			when[operator] = map[string]texts{}
		}
		when[operator][key] = texts{value}
	}
	add("ArnLike", "aws:SourceArn", p.SourceArn)
	add("StringEquals", "aws:SourceAccount", p.SourceAccount)
	add("StringEquals", urlAuthType, p.FunctionURLAuthType)
	if p.InvokedViaFunctionURL {
		add("Bool", viaURL, "true")
	}
	return Statement{Effect: "Allow", Principal: principals{p.Principal}, Action: texts{p.Action}, Condition: when}
}

// Protect gives a resource its policy, by its ARN. A resource without one admits nobody.
func (g *Gateway) Protect(arn string, p Policy) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.policies[arn] = p
}

// Admit tells whether the policy of a resource lets a source do all of some actions to it. What it refuses
// is among Calls.
func (g *Gateway) Admit(s Source, arn string, actions ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := strings.TrimSpace(s.Principal + " " + s.Context["aws:sourcearn"])
	for _, action := range actions {
		if !g.policies[arn].allows(s, action) {
			return g.refused(who, Need{action, arn})
		}
	}
	return nil
}

// AdmitURL tells whether a request may pass a Function URL, and who has signed it where the URL asks for that.
// Since October 2025 it takes both rights: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
func (g *Gateway) AdmitURL(r *http.Request, function, authType string) (signer string, err error) {
	actions := []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
	if authType == "NONE" {
		context := map[string]string{strings.ToLower(urlAuthType): authType, strings.ToLower(viaURL): "true"}
		return "", g.Admit(Source{Principal: "*", Context: context}, function, actions...)
	}
	key, service := caller(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	role, known := g.roles[key]
	for _, action := range actions {
		if need := (Need{action, function}); service != lambda || !known || !role.allows(need) {
			return "", g.refused("a request signed by "+key, need)
		}
	}
	return "arn:aws:sts::" + runtimeapi.Account + ":assumed-role/" + key + "/" + key, nil
}

// refused notes what was refused without a request to AWS. The caller holds the lock.
func (g *Gateway) refused(who string, need Need) *Error {
	g.calls = append(g.calls, Call{Caller: who, Operation: need.Action, Needs: []Need{need}, Denied: true})
	return &Error{Status: http.StatusForbidden, Code: denied, Message: fmt.Sprintf("%s may not do %s to %s", who, need.Action, need.Resource)}
}

// principals are those that a statement names, whatever their kind.
type principals []string

// UnmarshalJSON implements json.Unmarshaler.
func (p *principals) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*p = principals{one}
		return nil
	}
	var kinds map[string]texts
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return err
	}
	for _, names := range kinds {
		*p = append(*p, names...)
	}
	return nil
}

func (p principals) has(principal string) bool {
	return slices.Contains(p, "*") || slices.Contains(p, principal)
}

// holds tells whether the conditions hold in a context. One that asks for what is not known of the caller
// does not, nor does one that is not known here.
func (s Statement) holds(context map[string]string) bool {
	for operator, keys := range s.Condition {
		for key, want := range keys {
			got, known := context[strings.ToLower(key)]
			switch {
			case !known:
				return false
			case operator == "StringEquals" || operator == "Bool":
				if !slices.Contains(want, got) {
					return false
				}
			case operator == "ArnLike" || operator == "ArnEquals": // which are the same
				if !anyMatches(want, got) {
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}
