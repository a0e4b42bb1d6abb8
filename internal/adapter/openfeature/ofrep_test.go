package openfeature_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/adapter/openfeature"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

// answer is what the OFREP service of a test says to one question.
type answer struct {
	status int
	body   string
}

// ofrep starts a service that keeps answers by the path's last part, and remembers the contexts
// it was asked with.
func ofrep(t *testing.T, answers map[string]answer) (e *openfeature.Evaluator, asked *[]map[string]any) {
	t.Helper()
	asked = &[]map[string]any{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /base/ofrep/v1/evaluate/flags/{key}", func(w http.ResponseWriter, r *http.Request) {
		var question struct{ Context map[string]any }
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			t.Error(err)
		}
		*asked = append(*asked, question.Context)
		a, ok := answers[r.PathValue("key")]
		if !ok {
			a = answer{http.StatusNotFound, `{"errorCode": "FLAG_NOT_FOUND", "errorDetails": "flag does not exist"}`}
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := httpclient.New(httpclient.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	e, err = openfeature.NewOFREP(t.Context(), server.URL+"/base", client, 0)
	return closed(t, e, err), asked
}

func TestAnOFREPServiceTellsTheVariant(t *testing.T) {
	e, asked := ofrep(t, map[string]answer{
		"bool":     {200, `{"key": "bool", "value": true, "reason": "STATIC", "variant": "on", "metadata": {"a": 1}}`},
		"object":   {200, `{"key": "object", "value": {"n": 1}, "reason": "STATIC", "variant": "full"}`},
		"disabled": {200, `{"key": "disabled", "reason": "DISABLED"}`},
		"old":      {404, "{\"errorCode\": \"FLAG_NOT_FOUND\", \"errorDetails\": \"flag `old` is disabled\"}"},
		"a/b ?":    {200, `{"key": "a/b ?", "value": 1, "reason": "STATIC", "variant": "one"}`},
	})
	for key, want := range map[string]string{"bool": "on", "object": "full", "disabled": "", "old": "", "a/b ?": "one"} {
		wantServing(t, e, key, want)
	}
	for _, got := range *asked {
		if diff := cmp.Diff(map[string]any{}, got); diff != "" {
			t.Errorf("asked with a context: %s", diff)
		}
	}
}

func TestAnOFREPServiceThatDoesNotAnswerIsAnError(t *testing.T) {
	e, _ := ofrep(t, map[string]answer{
		"denied":   {401, ``},
		"broken":   {500, `{"errorDetails": "the store is gone"}`},
		"busy":     {429, ``},
		"html":     {200, `<html>`},
		"no route": {404, `404 page not found`},
		"invalid":  {400, `{"errorCode": "PARSE_ERROR", "errorDetails": "bad targeting"}`},
		"unnamed":  {200, `{"key": "unnamed", "value": true}`},
		"huge":     {200, `{"value": "` + strings.Repeat("x", 2<<20) + `"}`},
	})
	for key, want := range map[string]struct {
		err  error
		says string
	}{
		"unknown":  {flag.ErrNotFound, "unknown"},
		"denied":   {flag.ErrUnavailable, "authentication"},
		"broken":   {flag.ErrUnavailable, "the store is gone"},
		"busy":     {flag.ErrUnavailable, "rate limit"},
		"html":     {flag.ErrInvalid, "parsing"},
		"no route": {flag.ErrUnavailable, "is the URL that of an OFREP service?"},
		"invalid":  {flag.ErrInvalid, "bad targeting"},
		"unnamed":  {flag.ErrUnavailable, "not of which variant"},
		"huge":     {flag.ErrUnavailable, "larger than"},
	} {
		_, err := e.Serving(t.Context(), key)
		if !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.says) {
			t.Errorf("error of %s is %v", key, err)
		}
	}
}

func TestASilentOFREPServiceRunsIntoTheTimeout(t *testing.T) {
	silence := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silence }))
	t.Cleanup(server.Close)
	defer close(silence)
	e, err := openfeature.NewOFREP(t.Context(), server.URL, nil, 10*time.Millisecond)
	e = closed(t, e, err)
	if _, err := e.Serving(t.Context(), "bool"); !errors.Is(err, flag.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	if may, why := openfeature.NewSwitch(e).MayAct(t.Context(), ledger.Target{}); may || !strings.Contains(why, "cannot be read") {
		t.Errorf("may act: %t, because %q", may, why)
	}
}

func TestTheSwitchTellsAnOFREPServiceWhereItWouldAct(t *testing.T) {
	e, asked := ofrep(t, map[string]answer{
		"guardian.act": {200, `{"key": "guardian.act", "value": false, "reason": "TARGETING_MATCH", "variant": "off"}`},
	})
	may, why := openfeature.NewSwitch(e).MayAct(t.Context(), ledger.Target{Service: "review", Stage: "prod"})
	if may || !strings.Contains(why, openfeature.SwitchFlag) {
		t.Errorf("may act: %t, because %q", may, why)
	}
	want := []map[string]any{{"service": "review", "stage": "prod"}}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Error(diff)
	}
}

func TestTheSwitchOfAWrongOFREPAddressKeepsGuardianFromActing(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	e, err := openfeature.NewOFREP(t.Context(), server.URL, server.Client(), 0)
	e = closed(t, e, err)
	if may, why := openfeature.NewSwitch(e).MayAct(t.Context(), ledger.Target{}); may || !strings.Contains(why, "OFREP") {
		t.Errorf("may act: %t, because %q", may, why)
	}
}

func TestAnOFREPServiceWithoutTheSwitchLeavesItToThePolicy(t *testing.T) {
	e, _ := ofrep(t, nil)
	if may, why := openfeature.NewSwitch(e).MayAct(t.Context(), ledger.Target{}); !may {
		t.Errorf("may not act, because %q", why)
	}
}

func TestACancelledCallIsNotEvaluated(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	flags, _ := open(t, document)
	if _, err := flags.Serving(ctx, "bool"); !errors.Is(err, flag.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
}

func TestABadOFREPAddressIsRefusedAtOnce(t *testing.T) {
	for _, address := range []string{"", "flagd:8016", "ftp://flagd", "http://", "http://user:s3cret@[bad"} {
		_, err := openfeature.NewOFREP(t.Context(), address, nil, 0)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error of %q is %v", address, err)
		}
	}
}
