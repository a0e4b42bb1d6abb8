package prometheus

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/cinegit/guardian/internal/health"
)

// mostPoints is how many moments one range query may have: Prometheus refuses more than 11,000 a
// series.
const mostPoints = 10_000

// Range asks range queries, as many as the server's bound on points takes, each within the client's
// timeout. Its errors are those of Query.
func (c *Client) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	if step < time.Millisecond || to.Before(from) {
		return nil, fmt.Errorf("prometheus: a range from %s to %s in steps of %s is none", from, to, step)
	}
	moments := make([][]float64, to.Sub(from)/step+1)
	for first := 0; first < len(moments); first += mostPoints {
		part := moments[first:min(first+mostPoints, len(moments))]
		begin := from.Add(time.Duration(first) * step)
		if err := c.fill(ctx, part, promql, begin, step); err != nil {
			return nil, err
		}
	}
	return moments, nil
}

// fill asks one range query and puts its points where they belong.
func (c *Client) fill(ctx context.Context, moments [][]float64, promql string, from time.Time, step time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	asked := v1.Range{Start: from, End: from.Add(time.Duration(len(moments)-1) * step), Step: step}
	value, warnings, _, err := c.api.QueryRange(ctx, promql, asked)
	if err != nil {
		return c.inWords(err)
	}
	if err := complete(warnings); err != nil {
		return err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return fmt.Errorf("%w: a range of it gives a %s, not a matrix", health.ErrQuery, value.Type())
	}
	begin := model.TimeFromUnixNano(from.UnixNano())
	for _, series := range matrix {
		if len(series.Histograms) > 0 {
			return fmt.Errorf("%w: it gives a native histogram: apply histogram_quantile or histogram_count", health.ErrQuery)
		}
		for _, point := range series.Values {
			// Rounded, for the server cuts its moments to milliseconds and the step may not be one.
			i := int((point.Timestamp.Sub(begin) + step/2) / step)
			if i >= 0 && i < len(moments) {
				moments[i] = append(moments[i], float64(point.Value))
			}
		}
	}
	return nil
}
