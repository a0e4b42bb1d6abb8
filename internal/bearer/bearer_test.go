package bearer_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/bearer"
)

// vault holds secrets by reference; one that is not there cannot be had.
type vault struct {
	secrets map[string]string
	asked   []string
	log     bytes.Buffer
}

func (v *vault) check() bearer.Check {
	return bearer.Check{
		Log: slog.New(slog.NewTextHandler(&v.log, nil)),
		Resolve: func(_ context.Context, ref string) (string, error) {
			v.asked = append(v.asked, ref)
			secret, ok := v.secrets[ref]
			if !ok {
				return "", errors.New("look up " + ref + ": no such secret")
			}
			return secret, nil
		},
	}
}

func request(t *testing.T, authorization ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/argocd", http.NoBody)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	return r
}

func TestOnlyARequestThatCarriesATokenIsLetIn(t *testing.T) {
	for name, tt := range map[string]struct {
		authorization []string
		in            bool
	}{
		"the token":                   {[]string{"Bearer alpha-1"}, true},
		"the other one":               {[]string{"Bearer beta-2"}, true},
		"the scheme in another case":  {[]string{"bEARER alpha-1"}, true},
		"space around the token":      {[]string{"Bearer  alpha-1 "}, true},
		"nothing":                     {nil, false},
		"an empty header":             {[]string{""}, false},
		"the scheme alone":            {[]string{"Bearer"}, false},
		"an empty token":              {[]string{"Bearer "}, false},
		"a token of space":            {[]string{"Bearer  \t "}, false},
		"the token without a scheme":  {[]string{"alpha-1"}, false},
		"another scheme":              {[]string{"Basic alpha-1"}, false},
		"the beginning of the token":  {[]string{"Bearer alpha"}, false},
		"more than the token":         {[]string{"Bearer alpha-1x"}, false},
		"the token in another case":   {[]string{"Bearer ALPHA-1"}, false},
		"both tokens":                 {[]string{"Bearer alpha-1 beta-2"}, false},
		"the reference to the token":  {[]string{"Bearer secret:alpha"}, false},
		"a wrong header before it":    {[]string{"Bearer guess", "Bearer alpha-1"}, false},
		"a token of another encoding": {[]string{"Bearer alpha\x001"}, false},
	} {
		v := &vault{secrets: map[string]string{"secret:alpha": "alpha-1", "secret:beta": "beta-2"}}
		err := v.check().Any(request(t, tt.authorization...), []string{"secret:alpha", "secret:beta"})
		if tt.in != (err == nil) || !tt.in && !errors.Is(err, bearer.ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASecretWithSpaceAroundItIsTheSecretWithout(t *testing.T) {
	v := &vault{secrets: map[string]string{"file:token": " alpha-1 \n"}}
	if err := v.check().Any(request(t, "Bearer alpha-1"), []string{"file:token"}); err != nil {
		t.Error(err)
	}
}

func TestAnEmptySecretOpensNothing(t *testing.T) {
	for _, secret := range []string{"", " ", "\n"} {
		v := &vault{secrets: map[string]string{"env:EMPTY": secret}}
		for _, given := range []string{"Bearer ", "Bearer", "Bearer  ", "Bearer x", ""} {
			if err := v.check().Any(request(t, given), []string{"env:EMPTY"}); !errors.Is(err, bearer.ErrWrong) {
				t.Errorf("the secret %q and %q: %v", secret, given, err)
			}
			if who, err := v.check().Who(request(t, given), map[string]string{"anna": "env:EMPTY"}); !errors.Is(err, bearer.ErrStranger) || who != "" {
				t.Errorf("the secret %q and %q: %q, %v", secret, given, who, err)
			}
		}
	}
}

func TestWithoutAnyTokenTheAnswerSaysWhatToWrite(t *testing.T) {
	v := &vault{}
	if err := v.check().Any(request(t, "Bearer x"), nil); !errors.Is(err, bearer.ErrNoTokens) || !strings.Contains(err.Error(), "server.webhookTokens") {
		t.Error(err)
	}
}

func TestARotatedTokenIsTakenUpAndTheOldOneOpensNothing(t *testing.T) {
	v := &vault{secrets: map[string]string{"secret:alpha": "alpha-1"}}
	refs := []string{"secret:alpha"}
	if err := v.check().Any(request(t, "Bearer alpha-1"), refs); err != nil {
		t.Error(err)
	}
	v.secrets["secret:alpha"] = "alpha-2"
	if err := v.check().Any(request(t, "Bearer alpha-1"), refs); !errors.Is(err, bearer.ErrWrong) {
		t.Errorf("the old one: %v", err)
	}
	if err := v.check().Any(request(t, "Bearer alpha-2"), refs); err != nil {
		t.Errorf("the new one: %v", err)
	}
}

func TestASecretThatCannotBeHadShutsOutNobodyWhoCarriesAnother(t *testing.T) {
	v := &vault{secrets: map[string]string{"secret:beta": "beta-2"}}
	if err := v.check().Any(request(t, "Bearer beta-2"), []string{"secret:gone", "secret:beta"}); err != nil {
		t.Error(err)
	}
	if err := v.check().Any(request(t, "Bearer alpha-1"), []string{"secret:gone", "secret:beta"}); !errors.Is(err, bearer.ErrUnchecked) {
		t.Errorf("a token that may be the one that cannot be had: %v", err)
	}
	if err := v.check().Any(request(t), []string{"secret:gone", "secret:beta"}); !errors.Is(err, bearer.ErrWrong) {
		t.Errorf("no token: %v", err)
	}
	log := v.log.String()
	if !strings.Contains(log, "secret:gone") || strings.Contains(log, "beta-2") || strings.Contains(log, "alpha-1") {
		t.Errorf("the log should name the reference and no token: %s", log)
	}
}

func TestWhoCarriesNoTokenMakesNobodyLookSecretsUp(t *testing.T) {
	v := &vault{secrets: map[string]string{"secret:alpha": "alpha-1"}}
	_ = v.check().Any(request(t), []string{"secret:alpha"})
	_, _ = v.check().Who(request(t, "Bearer "), map[string]string{"anna": "secret:alpha"})
	if len(v.asked) != 0 {
		t.Errorf("asked for %v", v.asked)
	}
}

func TestAnOperatorIsNamedByTheTokenAndTwoOfOneTokenAreAlwaysTheFirst(t *testing.T) {
	v := &vault{secrets: map[string]string{"secret:anna": "anna-1", "secret:ben": "ben-1", "secret:team": "ben-1"}}
	refs := map[string]string{"anna": "secret:anna", "ben": "secret:ben", "team": "secret:team", "carl": "secret:gone"}
	for given, want := range map[string]string{"Bearer anna-1": "anna", "Bearer ben-1": "ben", "Bearer guess": "", "": "", "Bearer anna": ""} {
		who, err := v.check().Who(request(t, given), refs)
		if who != want || (want == "") != errors.Is(err, bearer.ErrStranger) {
			t.Errorf("%q is %q, %v", given, who, err)
		}
	}
	if _, err := v.check().Who(request(t, "Bearer anna-1"), nil); !errors.Is(err, bearer.ErrStranger) {
		t.Errorf("without operators: %v", err)
	}
}
