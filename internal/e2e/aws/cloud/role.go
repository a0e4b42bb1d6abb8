package cloud

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Role is what an IAM role lets its bearer do.
type Role struct{ Statements []Statement }

// Statement is one statement of a policy document.
type Statement struct {
	Effect    string
	Principal principals // in the policy of a resource: whom it concerns
	Action    texts
	Resource  texts
	Condition map[string]map[string]texts // what must hold: by operator and key
}

// texts is a list that IAM also writes as a single text.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

// ParseRole reads the Policies of an AWS::IAM::Role whose references are resolved.
func ParseRole(policies any) (Role, error) {
	raw, err := json.Marshal(policies)
	if err != nil {
		return Role{}, fmt.Errorf("role: %w", err)
	}
	var all []struct {
		PolicyDocument struct{ Statement []Statement }
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return Role{}, fmt.Errorf("role: %w", err)
	}
	var r Role
	for _, p := range all {
		r.Statements = append(r.Statements, p.PolicyDocument.Statement...)
	}
	return r, nil
}

// missing gives the first right that a call needs and the role does not give.
func (r Role) missing(call Call) string {
	for _, n := range call.Needs {
		if !r.allows(n) {
			return n.Action + " on " + n.Resource
		}
	}
	return ""
}

func (r Role) allows(n Need) bool {
	allowed := false
	for _, s := range r.Statements {
		if !anyMatches(s.Action, n.Action) || n.Resource != "" && !anyMatches(s.Resource, n.Resource) || !s.holds(nil) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func anyMatches(patterns []string, text string) bool {
	for _, p := range patterns {
		if matches(p, text) {
			return true
		}
	}
	return false
}

// matches compares as IAM does: * is any text, ? any character.
func matches(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '*':
		for i := 0; i <= len(text); i++ {
			if matches(pattern[1:], text[i:]) {
				return true
			}
		}
		return false
	case '?':
		return text != "" && matches(pattern[1:], text[1:])
	}
	return strings.HasPrefix(text, pattern[:1]) && matches(pattern[1:], text[1:])
}
