package flagstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagstore"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

const (
	document     = `{"flags": {"merge": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}}}`
	guardianAct  = `{"key": "guardian.act", "variations": [{"value": true}, {"value": false}], "environments": {"prod": %s}}`
	merge        = `{"key": "merge", "variations": [{"value": true}, {"value": false}], "environments": {"prod": {"on": true, "fallthrough": {"variation": 0}}}}`
	versionsPath = "/applications/abc1234/configurationprofiles/ghi1234"
)

func reference(ref policy.Secret) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return "token of " + string(ref), nil }
}

// serve answers what is at a path, and notes who asks.
func serve(t *testing.T, at map[string]string) (url string, asked *string) {
	t.Helper()
	asked = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = r.Header.Get("Authorization")
		body, ok := at[r.URL.Path]
		w.Header().Set("ETag", `"1"`)
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIATEST",
		"AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere,
	} {
		t.Setenv(name, value)
	}
	return server.URL, asked
}

func connect(t *testing.T, c policy.Flags) flagstore.Connection {
	t.Helper()
	c.Timeout = policy.Duration(time.Minute)
	connection, err := flagstore.FromPolicy(c, reference)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	return connection
}

func TestEveryStoreThatAPolicyNamesIsConnected(t *testing.T) {
	url, asked := serve(t, map[string]string{
		"/bucket/team/flags.json": document,
		versionsPath:              `{"Name": "flags", "LocationUri": "hosted"}`,
		"/applications/abc1234/environments/def1234/deployments": `{"Items": [{"DeploymentNumber": 1, "ConfigurationName": "flags", "ConfigurationVersion": "3", "State": "COMPLETE"}]}`,
		versionsPath + "/hostedconfigurationversions/3":          document,
		"/api/v2/flags/shop/merge":                               merge,
		"/api/v2/flags/shop":                                     `{"items": [` + merge + `], "totalCount": 1}`,
		"/api/admin/projects/shop/features/merge":                `{"environments": [{"name": "prod", "enabled": true, "strategies": []}]}`,
		"/api/admin/projects/shop/overview":                      `{"environments": [{"environment": "prod"}]}`,
		"/api/admin/search/events":                               `{"events": []}`,
	})
	file := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		flags         policy.Flags
		serving, auth string
	}{
		"a file":       {policy.Flags{FlagD: file}, "on", ""},
		"S3":           {policy.Flags{FlagD: "s3://bucket/team/flags.json"}, "on", "AWS4-HMAC-SHA256 Credential=AKIATEST/"},
		"AppConfig":    {policy.Flags{AppConfig: policy.AppConfig{Application: "abc1234", Environment: "def1234", Profile: "ghi1234"}}, "on", "AWS4-HMAC-SHA256 Credential=AKIATEST/"},
		"Unleash":      {policy.Flags{Unleash: policy.Unleash{URL: url, Token: "env:UNLEASH", Project: "shop", Environment: "prod"}}, "on", "token of env:UNLEASH"},
		"LaunchDarkly": {policy.Flags{LaunchDarkly: policy.LaunchDarkly{URL: url, Token: "env:LD", Project: "shop", Environment: "prod"}}, "true", "token of env:LD"},
	} {
		t.Run(name, func(t *testing.T) {
			*asked = ""
			c := connect(t, tt.flags)
			if err := c.Probe(t.Context()); err != nil {
				t.Errorf("probe: %v", err)
			}
			if d, err := c.Store.Flag(t.Context(), "merge"); err != nil || d.Serving != tt.serving {
				t.Errorf("flag %+v, %v", d, err)
			}
			if got, err := c.Flags.Serving(t.Context(), "merge"); err != nil || got != tt.serving {
				t.Errorf("serving %q, %v", got, err)
			}
			if !strings.HasPrefix(*asked, tt.auth) || (tt.auth == "") != (*asked == "") {
				t.Errorf("asked as %q", *asked)
			}
		})
	}
}

func TestAPolicyWithoutFlagsMayActAndHasNone(t *testing.T) {
	c := connect(t, policy.Flags{})
	if may, why := c.Switch.MayAct(t.Context(), ledger.Target{}); !may || why != "" {
		t.Errorf("may %v: %s", may, why)
	}
	if _, err := c.Flags.Flag(t.Context(), "merge"); !errors.Is(err, flag.ErrNotFound) || c.Probe != nil || c.Store != nil {
		t.Errorf("error is %v", err)
	}
}

func TestGuardiansSwitchIsReadFromAServiceThatNobodyEvaluates(t *testing.T) {
	for name, tt := range map[string]struct {
		config string
		may    bool
		why    string
	}{
		"on":               {`{"on": true, "fallthrough": {"variation": 0}}`, true, ""},
		"off":              {`{"on": false, "offVariation": 1}`, false, "is false, which counts as off"},
		"disabled":         {`{"on": false, "fallthrough": {"variation": 0}}`, false, "is disabled, which counts as off"},
		"targeted":         {`{"on": true, "fallthrough": {"variation": 0}, "rules": [{}]}`, false, "has targeting"},
		"not made":         {"", true, ""},
		"of elsewhere":     {`null`, false, "cannot be read"},
		"with many shares": {`{"on": true, "fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 1}, {"variation": 1, "weight": 1}]}}}`, false, "has targeting"},
	} {
		t.Run(name, func(t *testing.T) {
			at := map[string]string{"/api/v2/flags/shop": `{"items": [], "totalCount": 0}`}
			if tt.config != "" {
				at["/api/v2/flags/shop/guardian.act"] = fmt.Sprintf(guardianAct, tt.config)
			}
			url, _ := serve(t, at)
			c := connect(t, policy.Flags{LaunchDarkly: policy.LaunchDarkly{URL: url, Token: "env:LD", Project: "shop", Environment: "prod"}})
			may, why := c.Switch.MayAct(t.Context(), ledger.Target{Service: "review", Stage: "prod"})
			if may != tt.may || !strings.Contains(why, tt.why) {
				t.Errorf("may %v: %s", may, why)
			}
		})
	}
}

func TestAFlagThatNotEverybodyGetsAlikeServesNoVariant(t *testing.T) {
	targeted := strings.Replace(merge, `"on": true`, `"on": true, "rules": [{}]`, 1)
	url, _ := serve(t, map[string]string{"/api/v2/flags/shop/merge": targeted})
	c := connect(t, policy.Flags{LaunchDarkly: policy.LaunchDarkly{URL: url, Token: "env:LD", Project: "shop", Environment: "prod"}})
	if got, err := c.Flags.Serving(t.Context(), "merge"); err != nil || got != "true with targeting" {
		t.Errorf("serving %q, %v", got, err)
	}
}
