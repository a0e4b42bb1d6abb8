package prometheus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/health"
)

// matrix answers a range query with one series a name, of points at seconds after moment.
func matrix(series ...[]int) string {
	var result []map[string]any
	for i, seconds := range series {
		var values [][]any
		for _, s := range seconds {
			values = append(values, []any{moment.Unix() + int64(s), strconv.Itoa(s + i)})
		}
		result = append(result, map[string]any{"metric": map[string]string{"i": strconv.Itoa(i)}, "values": values})
	}
	raw, err := json.Marshal(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": result}})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestARangeHasAnElementForEveryMoment(t *testing.T) {
	client := dial(t, prometheus.Config{URL: serve(t, saying(200, matrix([]int{0, 15, 45}, []int{15, 60})))})
	got, err := client.Range(t.Context(), "q", moment, moment.Add(time.Minute), 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{0}, {15, 16}, nil, {45}, {61}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestALongRangeIsAskedInParts(t *testing.T) {
	var asked int
	client := dial(t, prometheus.Config{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		start, _ := strconv.ParseFloat(r.Form.Get("start"), 64)
		end, _ := strconv.ParseFloat(r.Form.Get("end"), 64)
		if (end-start)/15 > 11_000 {
			w.WriteHeader(http.StatusBadRequest)
		}
		asked++
		at := int(start) - int(moment.Unix())
		fmt.Fprint(w, matrix([]int{at, int(end) - int(moment.Unix())}))
	})})
	got, err := client.Range(t.Context(), "q", moment, moment.Add(25_000*15*time.Second), 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if asked != 3 || len(got) != 25_001 {
		t.Errorf("%d questions give %d moments", asked, len(got))
	}
	for i, values := range got {
		first, last := i%10_000 == 0, i%10_000 == 9999 || i == 25_000
		if (first || last) != (len(values) == 1) || (first || last) && values[0] != float64(15*i) {
			t.Fatalf("moment %d is %v", i, values)
		}
	}
}

func TestARangeThatIsNoneIsAnError(t *testing.T) {
	client := dial(t, prometheus.Config{URL: serve(t, saying(200, vector("1")))})
	if _, err := client.Range(t.Context(), "q", moment, moment.Add(-time.Second), time.Second); err == nil {
		t.Error("an end before its start is asked")
	}
	if _, err := client.Range(t.Context(), "q", moment, moment, 0); err == nil {
		t.Error("steps of nothing are asked")
	}
	if _, err := client.Range(t.Context(), "q", moment, moment, time.Second); !errors.Is(err, health.ErrQuery) {
		t.Errorf("a vector for a range is %v", err)
	}
}

func TestARefusedRangeIsErrQuery(t *testing.T) {
	refused := `{"status":"error","errorType":"bad_data","error":"parse error: unexpected end of input"}`
	client := dial(t, prometheus.Config{URL: serve(t, saying(400, refused))})
	if _, err := client.Range(t.Context(), "q", moment, moment, time.Second); !errors.Is(err, health.ErrQuery) {
		t.Errorf("it is %v", err)
	}
	client = dial(t, prometheus.Config{URL: serve(t, saying(503, "busy"))})
	if _, err := client.Range(t.Context(), "q", moment, moment, time.Second); err == nil || errors.Is(err, health.ErrQuery) {
		t.Errorf("a server that cannot is %v", err)
	}
}
