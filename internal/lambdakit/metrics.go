package lambdakit

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// Metrics writes metrics as log lines that CloudWatch reads, in its embedded metric format
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
type Metrics struct {
	out      io.Writer
	function string
	now      func() time.Time
	mu       sync.Mutex
}

// NewMetrics gives the metrics of a function.
func NewMetrics(out io.Writer, function string, now func() time.Time) *Metrics {
	return &Metrics{out: out, function: function, now: now}
}

// Add adds to a count, under the function alone and under the function with the dimensions, which are given
// as names and values in turn. A value must be one of few: every other one is a metric of its own.
func (m *Metrics) Add(name string, n float64, dimensions ...string) {
	line := map[string]any{"Function": m.function, name: n}
	sets := [][]string{{"Function"}}
	if len(dimensions) > 1 {
		set := []string{"Function"}
		for i := 0; i+1 < len(dimensions); i += 2 {
			set = append(set, dimensions[i])
			line[dimensions[i]] = dimensions[i+1]
		}
		sets = append(sets, set)
	}
	line["_aws"] = map[string]any{
		"Timestamp": m.now().UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": names.Namespace, "Dimensions": sets,
			"Metrics": []any{map[string]string{"Name": name, "Unit": "Count"}},
		}},
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return // a count that is no number
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = m.out.Write(append(raw, '\n')) // there is nowhere to say that the log cannot be written
}
