package prometheus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/health"
)

var moment = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func dial(t *testing.T, config prometheus.Config) *prometheus.Client {
	t.Helper()
	client, err := prometheus.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// saying serves one body, whatever is asked.
func saying(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func vector(values ...string) string {
	var samples []string
	for i, v := range values {
		samples = append(samples, fmt.Sprintf(`{"metric":{"i":"%d"},"value":[1763899200,%q]}`, i, v))
	}
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(samples, ",") + `]}}`
}

func TestAnswersAreReadAsValues(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want []float64
	}{
		"a vector":                  {vector("0.25", "1e3"), []float64{0.25, 1000}},
		"an empty vector":           {vector(), nil},
		"a scalar":                  {`{"status":"success","data":{"resultType":"scalar","result":[1763899200,"7"]}}`, []float64{7}},
		"what is no number":         {vector("NaN", "+Inf", "-Inf"), []float64{math.NaN(), math.Inf(1), math.Inf(-1)}},
		"infos":                     {strings.Replace(vector("1"), "{", `{"infos":["PromQL info: metric might not be a counter"],`, 1), []float64{1}},
		"a warning about the query": {strings.Replace(vector("1"), "{", `{"warnings":["PromQL warning: quantile value should be between 0 and 1"],`, 1), []float64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, prometheus.Config{URL: serve(t, saying(200, tt.body))})
			values, err := client.Query(t.Context(), "q", moment)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, values, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPrometheusIsSparedCompressing(t *testing.T) {
	asked := "nothing"
	client := dial(t, prometheus.Config{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		_, _ = io.WriteString(w, vector("1"))
	})})
	if _, err := client.Query(t.Context(), "q", moment); err != nil || asked != "" {
		t.Errorf("Accept-Encoding is %q, %v", asked, err)
	}
}

func TestTheQueryIsSentAsOfItsMomentWithTheToken(t *testing.T) {
	var form url.Values
	var path, authorization string
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form, path, authorization = r.Form, r.URL.Path, r.Header.Get("Authorization")
		_, _ = io.WriteString(w, vector("1"))
	})
	client := dial(t, prometheus.Config{
		URL:         base + "/prometheus/",
		Token:       func(context.Context) (string, error) { return "s3cret", nil },
		ExternalURL: "https://metrics.example.com/",
	})
	if _, err := client.Query(t.Context(), `up{job="a b"}`, moment); err != nil {
		t.Fatal(err)
	}
	if form.Get("query") != `up{job="a b"}` || form.Get("time") != "1795435200" {
		t.Errorf("form is %v", form)
	}
	if path != "/prometheus/api/v1/query" || authorization != "Bearer s3cret" {
		t.Errorf("path is %s, authorization %q", path, authorization)
	}
	wanted := "https://metrics.example.com/graph?g0.end_input=2026-11-23+12%3A00%3A00&g0.expr=up%7Bjob%3D%22a+b%22%7D" +
		"&g0.moment_input=2026-11-23+12%3A00%3A00&g0.range_input=1h&g0.tab=0"
	if link := client.Link(`up{job="a b"}`, moment); link != wanted {
		t.Errorf("link is %s\nwant    %s", link, wanted)
	}
}

func TestAQueryThatTheServerRefusesIsErrQueryInItsWords(t *testing.T) {
	for name, tt := range map[string]struct {
		code       int
		body, want string
	}{
		"bad data": {400, `{"status":"error","errorType":"bad_data","error":"parse error: unexpected end of input"}`,
			"the query is not valid: parse error: unexpected end of input"},
		"execution": {422, `{"status":"error","errorType":"execution","error":"many-to-many matching not allowed"}`,
			"the query is not valid: many-to-many matching not allowed"},
		"a matrix": {200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`,
			"the query is not valid: it gives a matrix, not an instant vector or a scalar"},
		"a string": {200, `{"status":"success","data":{"resultType":"string","result":[1,"a"]}}`,
			"the query is not valid: it gives a string, not an instant vector or a scalar"},
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, prometheus.Config{URL: serve(t, saying(tt.code, tt.body))})
			_, err := client.Query(t.Context(), "q", moment)
			if !errors.Is(err, health.ErrQuery) || err.Error() != tt.want {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestAServerThatCannotAnswerIsNotAWrongQuery(t *testing.T) {
	for name, tt := range map[string]struct {
		code       int
		body, want string
	}{
		"unavailable":     {503, "Service Unavailable", "prometheus: server error: 503"},
		"timeout":         {503, `{"status":"error","errorType":"timeout","error":"query timed out"}`, "prometheus: server error: 503"},
		"a login page":    {200, "<html>sign in</html>", "is url the base URL of a Prometheus, without /api/v1?"},
		"not found":       {404, "404 page not found", "client error: 404: is url the base URL"},
		"wrong token":     {401, "Unauthorized", "prometheus: client error: 401: the server does not take the token"},
		"no right":        {403, "Forbidden", "prometheus: client error: 403: the server does not take the token"},
		"nothing":         {200, "", "prometheus: "},
		"no result":       {200, `{"status":"success"}`, "prometheus: the answer has no result"},
		"half the data":   {200, strings.Replace(vector("1"), "{", `{"warnings":["no store matched"],`, 1), "prometheus: the answer is not complete: no store matched"},
		"a broken number": {200, vector("many"), "prometheus: "},
		"cut off":         {200, vector("1")[:60], "prometheus: "},
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, prometheus.Config{URL: serve(t, saying(tt.code, tt.body))})
			values, err := client.Query(t.Context(), "q", moment)
			if err == nil || errors.Is(err, health.ErrQuery) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("values are %v, error %v", values, err)
			}
		})
	}
}

func TestARefusedConnectionIsNotAWrongQuery(t *testing.T) {
	server := httptest.NewServer(saying(200, vector("1")))
	server.Close()
	_, err := dial(t, prometheus.Config{URL: server.URL + "/path"}).Query(t.Context(), "q", moment)
	if err == nil || errors.Is(err, health.ErrQuery) || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "/path") {
		t.Errorf("error is %v", err)
	}
}

func TestASilentServerEndsAtTheTimeout(t *testing.T) {
	silence := make(chan struct{})
	base := serve(t, func(http.ResponseWriter, *http.Request) { <-silence })
	defer close(silence)
	_, err := dial(t, prometheus.Config{URL: base, Timeout: 10 * time.Millisecond}).Query(t.Context(), "q", moment)
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "prometheus: no answer within 10ms: context deadline exceeded" {
		t.Errorf("error is %v", err)
	}
}

func TestAServerThatStopsHalfwayEndsAtTheTimeout(t *testing.T) {
	silence := make(chan struct{})
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, vector("1")[:20])
		_ = http.NewResponseController(w).Flush()
		<-silence
	})
	defer close(silence)
	_, err := dial(t, prometheus.Config{URL: base, Timeout: 50 * time.Millisecond}).Query(t.Context(), "q", moment)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
}

func TestAnEndlessAnswerIsNotReadToItsEnd(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := []byte(strings.Repeat(" ", 1<<16))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	_, err := dial(t, prometheus.Config{URL: base}).Query(t.Context(), "q", moment)
	if err == nil || !strings.Contains(err.Error(), "longer than 8 MiB: aggregate the query") {
		t.Errorf("error is %v", err)
	}
}

func TestARedirectToAnotherHostDoesNotGetTheToken(t *testing.T) {
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host was asked with %q", r.Header.Get("Authorization"))
	})
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other+"/api/v1/query", http.StatusTemporaryRedirect)
	})
	client := dial(t, prometheus.Config{URL: base, Token: func(context.Context) (string, error) { return "s3cret", nil }})
	_, err := client.Query(t.Context(), "q", moment)
	if err == nil || errors.Is(err, health.ErrQuery) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error is %v", err)
	}
}

func TestATokenThatCannotBeHadIsToldAndNothingIsAsked(t *testing.T) {
	base := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
	lost := errors.New("secret guardian/prometheus: not found")
	client := dial(t, prometheus.Config{URL: base, Token: func(context.Context) (string, error) { return "", lost }})
	if err := client.Probe(t.Context()); !errors.Is(err, lost) {
		t.Errorf("error is %v", err)
	}
}

func TestProbeTellsWhetherTheServerAnswers(t *testing.T) {
	if err := dial(t, prometheus.Config{URL: serve(t, saying(200, vector("1")))}).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if err := dial(t, prometheus.Config{URL: serve(t, saying(503, ""))}).Probe(t.Context()); err == nil {
		t.Error("a server that is not available answers")
	}
}

func TestAURLThatIsNoneIsRefusedWithoutRepeatingIt(t *testing.T) {
	for _, bad := range []string{"", "prometheus:9090", "ftp://host", "https://", "https://user:s3cret@host", "http://[::1"} {
		_, err := prometheus.New(prometheus.Config{URL: bad})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error for %q is %v", bad, err)
		}
		if _, err := prometheus.New(prometheus.Config{URL: "http://host", ExternalURL: bad}); bad != "" && err == nil {
			t.Errorf("externalURL %q is taken", bad)
		}
	}
}
