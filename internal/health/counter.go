package health

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// seenBefore is how far back a counter is looked for before a window: one that was not there counts
// from zero, as a new pod's does; one that was away for shorter goes on where it was.
const seenBefore = time.Hour

// counting makes of a query that counts events in a window one that counts them exactly, and tells
// whether windows side by side then add up.
//
// increase extrapolates to the window's ends: of windows as short as a few scrapes it loses what
// happened between them, and makes fractions of events
// (https://prometheus.io/docs/prometheus/latest/querying/functions/#increase). So each
// increase(x[window]) becomes what the counter grew by, sample to sample; after a reset, and where
// it is new, what it stands at. Functions over time of the very window add up as they are.
func counting(promql string, window time.Duration) (exact string, addsUp bool) {
	expr, err := parser.ParseExpr(promql)
	if err != nil {
		return promql, false // the server says better what is wrong with it
	}
	var grown []*parser.Call
	ranges, fitting := 0, 0
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		switch node := node.(type) {
		case *parser.SubqueryExpr:
			ranges++
		case *parser.MatrixSelector:
			ranges++
			call, _ := last(path).(*parser.Call)
			switch {
			case call == nil || node.Range != window || pinned(node):
			case call.Func.Name == "increase":
				grown = append(grown, call)
				fitting++
			case call.Func.Name == "count_over_time" || call.Func.Name == "sum_over_time":
				fitting++
			}
		}
		return nil
	})
	exact = promql
	for _, call := range slices.Backward(grown) {
		at := call.PositionRange()
		exact = exact[:at.Start] + growth(call.Args[0].(*parser.MatrixSelector), window) + exact[at.End:]
	}
	return exact, ranges > 0 && fitting == ranges
}

// pinned tells whether a selector asks at a moment of its own.
func pinned(m *parser.MatrixSelector) bool {
	v := m.VectorSelector.(*parser.VectorSelector)
	return v.Timestamp != nil || v.StartOrEnd != 0
}

// growth is the PromQL of what counters grew by in a window.
func growth(m *parser.MatrixSelector, window time.Duration) string {
	now := *m.VectorSelector.(*parser.VectorSelector)
	then := now
	then.OriginalOffset += window
	before := parser.MatrixSelector{VectorSelector: &then, Range: seenBefore}
	return fmt.Sprintf("((%[1]s - last_over_time(%[2]s)) >= 0 or %[1]s)", strings.TrimSpace(now.String()), before.String())
}

func last(path []parser.Node) parser.Node {
	if len(path) == 0 {
		return nil
	}
	return path[len(path)-1]
}
