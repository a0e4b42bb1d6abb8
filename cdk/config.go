package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cinegit/guardian/internal/policy"
)

// config is what context says, checked.
type config struct {
	name        string // of the stack; every name in it begins with it
	policy      *policy.Policy
	policyFile  string
	dist        string // the folder that has FUNCTION/bootstrap
	logLevel    string
	logDays     int
	operatorIAM bool     // the operator URL asks for AWS credentials beside the token
	argocdRoles []string // ARNs of roles that may send to the notifications queue
	alarmEmail  string
	reserve     bool // give functions their share of the account's concurrency
	xray, kms   bool
	vpc         string
	subnets     []string
	tags        map[string]string
}

// readConfig reads the context, every value a string so that -c name=value can say each of them. Its error
// names every mistake with its fix.
func readConfig(context func(name string) string) (config, error) {
	r := reader{context: context}
	c := config{
		name:        r.matching("name", `^[a-z][a-z0-9-]{0,23}$`, "1 to 24 lower-case letters, digits and -, a letter first"),
		policyFile:  r.given("policy", "the path of guardian.yaml"),
		dist:        r.given("dist", "the folder that make functions builds into"),
		logLevel:    r.oneOf("logLevel", "debug", "info", "warn", "error"),
		operatorIAM: r.oneOf("operatorAuth", "token", "iam") == "iam",
		argocdRoles: r.list("argocdRoles", `^arn:[a-z-]+:iam::\d{12}:role/.+$`, "ARNs of IAM roles, comma separated"),
		alarmEmail:  r.matching("alarmEmail", `^$|^[^@\s]+@[^@\s]+$`, "an e-mail address, or nothing"),
		reserve:     r.oneOf("reserve", "true", "false") == "true",
		xray:        r.oneOf("xray", "true", "false") == "true",
		kms:         r.oneOf("kms", "true", "false") == "true",
		vpc:         r.matching("vpc", `^$|^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`, "vpc- and 8 or 17 digits, or nothing"),
		subnets:     r.list("subnets", `^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`, "subnet- and 8 or 17 digits, comma separated"),
		tags:        r.pairs("tags"),
	}
	c.logDays, _ = strconv.Atoi(r.matching("logDays", `^\d{1,4}$`, "a number of days"))
	if _, ok := retentions()[c.logDays]; !ok {
		r.wrong("logDays", strconv.Itoa(c.logDays), "a number of days that CloudWatch keeps logs for: 1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827 or 3653")
	}
	if (c.vpc == "") != (len(c.subnets) == 0) {
		r.wrong("subnets", strings.Join(c.subnets, ","), "given with vpc, and only with it")
	}
	if c.policyFile != "" {
		r.policy(&c)
	}
	return c, errors.Join(r.problems...)
}

type reader struct {
	context  func(name string) string
	problems []error
}

func (r *reader) policy(c *config) {
	p, err := policy.Load(c.policyFile)
	if err == nil {
		c.policy, err = p, fitForAWS(p)
	}
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("context policy: %w", err))
	}
}

func (r *reader) wrong(name, value, want string) {
	r.problems = append(r.problems, fmt.Errorf("context %s is %q, and must be %s: set it in cdk.json or with -c %s=…", name, value, want, name))
}

func (r *reader) given(name, what string) string {
	return r.matching(name, `.`, what)
}

func (r *reader) matching(name, pattern, want string) string {
	value := r.context(name)
	if !regexp.MustCompile(pattern).MatchString(value) {
		r.wrong(name, value, want)
	}
	return value
}

func (r *reader) oneOf(name string, values ...string) string {
	value := r.context(name)
	if !slices.Contains(values, value) {
		r.wrong(name, value, strings.Join(values, " or "))
	}
	return value
}

func (r *reader) list(name, pattern, want string) []string {
	var out []string
	for _, item := range split(r.context(name)) {
		if !regexp.MustCompile(pattern).MatchString(item) {
			r.wrong(name, item, want)
		}
		out = append(out, item)
	}
	return out
}

func (r *reader) pairs(name string) map[string]string {
	out := map[string]string{}
	for _, item := range split(r.context(name)) {
		key, value, ok := strings.Cut(item, "=")
		if !ok || key == "" {
			r.wrong(name, item, "KEY=VALUE, comma separated")
			continue
		}
		out[key] = value
	}
	return out
}

// split takes a comma-separated list apart; the empty text has no items.
func split(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ' ' })
}
