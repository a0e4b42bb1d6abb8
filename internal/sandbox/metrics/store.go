package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

const (
	// DefaultRetention is how long samples are kept where nothing else is said.
	DefaultRetention = 2 * time.Hour
	maxSeries        = 10_000
)

// Errors of Append.
var (
	ErrOutOfOrder = errors.New("the sample is not newer than the series' last one")
	ErrTooMany    = errors.New("too many series")
)

// Store keeps samples in memory, each for the retention as counted from the newest sample of its
// series. It is safe for concurrent use and is a storage.Queryable for PromQL engines.
type Store struct {
	retention time.Duration

	mu     sync.RWMutex
	series map[string]*series
}

type series struct {
	labels labels.Labels
	points []promql.FPoint
}

var _ storage.Queryable = (*Store)(nil)

// NewStore builds an empty store; a retention of zero is DefaultRetention.
func NewStore(retention time.Duration) *Store {
	if retention <= 0 {
		retention = DefaultRetention
	}
	return &Store{retention: retention, series: map[string]*series{}}
}

// Append adds one sample, to the millisecond. The metric's name is the label __name__. It wraps
// ErrOutOfOrder or ErrTooMany (at most 10,000 series).
func (s *Store) Append(l labels.Labels, at time.Time, v float64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.series[l.String()]
	if one == nil {
		if len(s.series) >= maxSeries {
			return fmt.Errorf("append %s: %w: at most %d", l, ErrTooMany, maxSeries)
		}
		one = &series{labels: l.Copy()}
		s.series[l.String()] = one
	}
	t := at.UnixMilli()
	if last := len(one.points) - 1; last >= 0 && one.points[last].T >= t {
		return fmt.Errorf("append %s: %w", l, ErrOutOfOrder)
	}
	one.points = append(one.points, promql.FPoint{T: t, F: v})
	one.forget(t - s.retention.Milliseconds())
	return nil
}

// forget drops points before mint once they are half of the series. Queries in progress may hold
// the old slice, so what stays is copied.
func (one *series) forget(mint int64) {
	old, _ := slices.BinarySearchFunc(one.points, mint, comparePoint)
	if old > len(one.points)/2 {
		one.points = slices.Clone(one.points[old:])
	}
}

func comparePoint(p promql.FPoint, t int64) int {
	switch {
	case p.T < t:
		return -1
	case p.T > t:
		return 1
	}
	return 0
}

// Querier implements storage.Queryable; mint and maxt are inclusive, in milliseconds.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	return querier{store: s, mint: mint, maxt: maxt}, nil
}

// match copies the headers of the series that match, cut to [mint, maxt] and ordered by labels.
func (s *Store) match(mint, maxt int64, matchers []*labels.Matcher) []promql.Series {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []promql.Series
	for _, one := range s.series {
		if !matches(one.labels, matchers) {
			continue
		}
		newest := one.points[len(one.points)-1].T
		from, _ := slices.BinarySearchFunc(one.points, max(mint, newest-s.retention.Milliseconds()), comparePoint)
		to, _ := slices.BinarySearchFunc(one.points, maxt+1, comparePoint)
		if from < to {
			found = append(found, promql.Series{Metric: one.labels, Floats: one.points[from:to:to]})
		}
	}
	slices.SortFunc(found, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return found
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

type querier struct {
	store      *Store
	mint, maxt int64
}

// Select implements storage.Querier; series come ordered by their labels.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return &seriesSet{series: q.store.match(q.mint, q.maxt, matchers), at: -1}
}

// LabelValues implements storage.LabelQuerier.
func (q querier) LabelValues(_ context.Context, name string, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var values []string
	for _, one := range q.store.match(q.mint, q.maxt, matchers) {
		if v := one.Metric.Get(name); v != "" {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil, nil
}

// LabelNames implements storage.LabelQuerier.
func (q querier) LabelNames(_ context.Context, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var names []string
	for _, one := range q.store.match(q.mint, q.maxt, matchers) {
		one.Metric.Range(func(l labels.Label) { names = append(names, l.Name) })
	}
	slices.Sort(names)
	return slices.Compact(names), nil, nil
}

// Close implements storage.LabelQuerier.
func (querier) Close() error { return nil }

type seriesSet struct {
	series []promql.Series
	at     int
}

// Next implements storage.SeriesSet.
func (s *seriesSet) Next() bool {
	s.at++
	return s.at < len(s.series)
}

// At implements storage.SeriesSet.
func (s *seriesSet) At() storage.Series { return promql.NewStorageSeries(s.series[s.at]) }

// Err implements storage.SeriesSet.
func (s *seriesSet) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
