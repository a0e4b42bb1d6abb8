package lambdakit

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/s3address"
)

// environment reads the variables that a function is listed with. Its error tells all that is wrong with
// them, in one line, and never a value.
func environment(name string, lookup func(string) (string, bool)) (map[string]string, error) {
	f, ok := names.Of(name)
	if !ok {
		return nil, fmt.Errorf("no function %q is listed in package names", name)
	}
	env := make(map[string]string, len(f.Env))
	var wrong []string
	for _, variable := range f.Env {
		value, _ := lookup(variable)
		env[variable] = strings.TrimSpace(value)
		if err := check(variable, env[variable], slices.Contains(f.Optional, variable)); err != nil {
			wrong = append(wrong, variable+" "+err.Error())
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("environment: %s: deploy the stack again, or correct it", strings.Join(wrong, "; "))
	}
	return env, nil
}

func check(variable, value string, optional bool) error {
	switch {
	case value == "" && optional:
		return nil
	case value == "":
		return errors.New("is missing")
	}
	switch variable {
	case names.Policy:
		if _, _, err := s3address.Parse(value); err != nil { // whose text shows the value, which may be anything
			return errors.New("is not an object's address: write s3://bucket/key")
		}
	case names.QueueURL, names.DeadLetters:
		if u, err := url.Parse(value); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return errors.New("is not the URL of a queue")
		}
	case names.StateMachine:
		if !strings.HasPrefix(value, "arn:") || !strings.Contains(value, ":states:") {
			return errors.New("is not the ARN of a state machine")
		}
	case names.LogLevel:
		return new(slog.Level).UnmarshalText([]byte(value))
	}
	return nil
}

// List reads what is comma separated.
func List(value string) []string {
	var out []string
	for one := range strings.SplitSeq(value, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}
