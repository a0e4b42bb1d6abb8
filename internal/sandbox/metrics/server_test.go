package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// filled holds x{i="a"} = 0, 10, 20, … and x{i="b"} = 0, 1, 2, … every 15s for ten minutes.
func filled(t *testing.T) *metrics.Server {
	t.Helper()
	server := metrics.NewServer(0)
	for i := range 41 {
		at := start.Add(time.Duration(i) * 15 * time.Second)
		add(t, server, at, float64(10*i), "__name__", "x", "i", "a")
		add(t, server, at, float64(i), "__name__", "x", "i", "b")
	}
	return server
}

func add(t *testing.T, server *metrics.Server, at time.Time, v float64, pairs ...string) {
	t.Helper()
	if err := server.Append(labels.FromStrings(pairs...), at, v); err != nil {
		t.Fatal(err)
	}
}

func serve(t *testing.T, server *metrics.Server) string {
	t.Helper()
	listener := httptest.NewServer(server.Handler())
	t.Cleanup(listener.Close)
	return listener.URL
}

func TestTheSameAnswersComeInProcessAndOverHTTP(t *testing.T) {
	server := filled(t)
	client, err := prometheus.New(prometheus.Config{URL: serve(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	end := start.Add(10 * time.Minute)
	for query, want := range map[string][]float64{
		`sum(rate(x[1m]))`:                     {11.0 / 15},
		`sum by (i) (increase(x[5m]))`:         {200, 20},
		`x{i="a"}`:                             {400},
		`x{i=~"a|b",i!="a"}`:                   {40},
		`x{i="a"} offset 5m`:                   {200},
		`max_over_time(x[10m:1m])`:             {400, 40},
		`absent(y)`:                            {1},
		`y`:                                    {},
		`vector(0) / 0`:                        {math.NaN()},
		`scalar(x{i="b"})`:                     {40},
		`1 / 0`:                                {math.Inf(1)},
		`count({__name__=~".+"})`:              {2},
		`sum(x) or vector(0)`:                  {440},
		`quantile(0.5, x{i="a"} @ 1795435200)`: {0},
	} {
		direct, err := server.Query(t.Context(), query, end)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		remote, err := client.Query(t.Context(), query, end)
		if err != nil {
			t.Fatalf("%s over HTTP: %v", query, err)
		}
		same := cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateEmpty(), cmpopts.EquateApprox(1e-9, 0)}
		if diff := cmp.Diff(want, direct, same); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
		if diff := cmp.Diff(want, remote, same); diff != "" {
			t.Errorf("%s over HTTP: %s", query, diff)
		}
	}
}

func TestAWrongQueryIsErrQueryInProcessAndOverHTTP(t *testing.T) {
	server := filled(t)
	client, err := prometheus.New(prometheus.Config{URL: serve(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for _, query := range []string{"", "sum(", "x[5m]", `"text"`, "x + on(i) group_left y{", `x{i="a"} * on() x`} {
		if _, err := server.Query(t.Context(), query, start); !errors.Is(err, health.ErrQuery) {
			t.Errorf("%s gives %v", query, err)
		}
		if _, err := client.Query(t.Context(), query, start); !errors.Is(err, health.ErrQuery) {
			t.Errorf("%s over HTTP gives %v", query, err)
		}
	}
}

func TestADownServerIsOutOfReach(t *testing.T) {
	server := filled(t)
	client, err := prometheus.New(prometheus.Config{URL: serve(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for _, down := range []bool{true, false} {
		server.Down(down)
		for _, querier := range []health.Querier{server, client} {
			_, err := querier.Query(t.Context(), "x", start)
			if (err != nil) != down || errors.Is(err, health.ErrQuery) {
				t.Errorf("down %t gives %v from %T", down, err, querier)
			}
		}
	}
}

func TestAHangingServerAnswersWhenTheHangingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := filled(t)
		server.Hang(true)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := server.Query(ctx, "x", start); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if answer, err := server.Query(t.Context(), "x", start); err != nil || len(answer) != 2 {
				t.Errorf("answer is %v, error %v", answer, err)
			}
		})
		synctest.Wait()
		server.Hang(false)
		waiting.Wait()
	})
}

// call gets a path and decodes the JSON of the answer.
func call(t *testing.T, base, path string, params url.Values) (int, map[string]any) {
	t.Helper()
	resp, err := http.PostForm(base+path, params)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		body = map[string]any{"text": string(raw)}
	}
	return resp.StatusCode, body
}

func TestARangeQueryGivesPointsAsPrometheusDoes(t *testing.T) {
	base := serve(t, filled(t))
	code, body := call(t, base, "/api/v1/query_range", url.Values{
		"query": {`x{i="b"}`}, "start": {"2026-11-23T12:00:00Z"}, "end": {"1795435260"}, "step": {"30s"},
	})
	want := map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": []any{
		map[string]any{
			"metric": map[string]any{"__name__": "x", "i": "b"},
			"values": []any{[]any{1795435200.0, "0"}, []any{1795435230.0, "2"}, []any{1795435260.0, "4"}},
		},
	}}}
	if diff := cmp.Diff(want, body); code != http.StatusOK || diff != "" {
		t.Errorf("%d: %s", code, diff)
	}
}

func TestBadParametersAreBadData(t *testing.T) {
	base := serve(t, filled(t))
	good := func(change ...string) url.Values {
		v := url.Values{"query": {"x"}, "start": {"0"}, "end": {"60"}, "step": {"15"}}
		v.Set(change[0], change[1])
		return v
	}
	for name, params := range map[string]url.Values{
		"no start":        good("start", ""),
		"a start of NaN":  good("start", "NaN"),
		"an end of words": good("end", "tomorrow"),
		"end first":       good("end", "-60"),
		"no step":         good("step", ""),
		"step zero":       good("step", "0"),
		"step negative":   good("step", "-15"),
		"too many points": good("end", "1e9"),
		"no query":        good("query", ""),
		"no such moment":  good("end", "1e300"),
	} {
		code, body := call(t, base, "/api/v1/query_range", params)
		if code != http.StatusBadRequest || body["errorType"] != "bad_data" || body["error"] == "" {
			t.Errorf("%s gives %d %v", name, code, body)
		}
	}
	code, _ := call(t, base, "/api/v1/query", url.Values{"query": {strings.Repeat("x", 2<<20)}})
	if code != http.StatusBadRequest {
		t.Errorf("a huge query gives %d", code)
	}
}

func TestReadinessFollowsTheOutage(t *testing.T) {
	server := metrics.NewServer(0)
	base := serve(t, server)
	if code, _ := call(t, base, "/-/ready", nil); code != http.StatusOK {
		t.Errorf("ready is %d", code)
	}
	if code, body := call(t, base, "/api/v1/status/buildinfo", nil); code != http.StatusOK || body["status"] != "success" {
		t.Errorf("buildinfo is %d %v", code, body)
	}
	server.Down(true)
	if code, _ := call(t, base, "/-/ready", nil); code != http.StatusServiceUnavailable {
		t.Errorf("ready while down is %d", code)
	}
}
