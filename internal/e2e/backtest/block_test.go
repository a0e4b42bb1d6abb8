//go:build e2e

package backtest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// perChunk is how many samples Prometheus puts into one chunk.
const perChunk = 120

// block is a block of a TSDB under construction
// (https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/README.md).
type block struct {
	series  map[string]*column
	samples int
}

// column is the samples of one series.
type column struct {
	labels   labels.Labels
	chunks   []chunks.Meta
	open     *chunkenc.XORChunk
	appender chunkenc.Appender
}

func newBlock() *block { return &block{series: map[string]*column{}} }

// add appends what a series stands at.
func (b *block) add(t *testing.T, s *series, at time.Time) {
	c := b.series[s.name]
	if c == nil {
		c = &column{labels: s.labels}
		b.series[s.name] = c
	}
	now := at.UnixMilli()
	if c.open == nil || c.open.NumSamples() >= perChunk {
		var err error
		c.open = chunkenc.NewXORChunk()
		c.appender, err = c.open.Appender()
		must(t, err)
		c.chunks = append(c.chunks, chunks.Meta{Chunk: c.open, MinTime: now})
	}
	c.appender.Append(0, now, s.value)
	c.chunks[len(c.chunks)-1].MaxTime = now
	b.samples++
}

// write writes the n-th block into a data directory.
func (b *block) write(t *testing.T, dir string, n int, from time.Time) {
	t.Helper()
	id := fmt.Sprintf("01%024d", n) // a ULID in Crockford's base 32
	dir = filepath.Join(dir, id)
	must(t, os.MkdirAll(dir, 0o755))
	columns := slices.SortedFunc(maps.Values(b.series), func(a, b *column) int { return labels.Compare(a.labels, b.labels) })
	out, err := chunks.NewWriter(filepath.Join(dir, "chunks"))
	must(t, err)
	symbols := map[string]bool{}
	total := 0
	for _, c := range columns {
		must(t, out.WriteChunks(c.chunks...))
		total += len(c.chunks)
		c.labels.Range(func(l labels.Label) { symbols[l.Name], symbols[l.Value] = true, true })
	}
	must(t, out.Close())
	w, err := index.NewWriter(t.Context(), filepath.Join(dir, "index"))
	must(t, err)
	for _, symbol := range slices.Sorted(maps.Keys(symbols)) {
		must(t, w.AddSymbol(symbol))
	}
	for i, c := range columns {
		must(t, w.AddSeries(storage.SeriesRef(i), c.labels, c.chunks...))
	}
	must(t, w.Close())
	meta, err := json.Marshal(map[string]any{
		"ulid": id, "minTime": from.UnixMilli(), "maxTime": from.Add(perBlock).UnixMilli(), "version": 1,
		"stats":      map[string]int{"numSamples": b.samples, "numSeries": len(columns), "numChunks": total},
		"compaction": map[string]any{"level": 1, "sources": []string{id}},
	})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "meta.json"), meta, 0o644))
}
