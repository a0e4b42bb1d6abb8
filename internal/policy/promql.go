package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// maxQuery is how many bytes a query may have.
const maxQuery = 16 << 10

// windowMark stands for $window while a query is parsed: a duration that nobody writes.
const windowMark = 987_654 * time.Second

var variable = regexp.MustCompile(`\$[A-Za-z_][A-Za-z0-9_]*`)

// stand gives what stands for a variable while its query is parsed; "" for an unknown one. It is
// as long as the variable, so that the parser's positions are those of the query as written.
func stand(name string) string {
	switch name {
	case "$service":
		return "service_"
	case "$stage":
		return "stage_"
	case "$application":
		return "application_"
	case "$window":
		return "987654s"
	}
	return ""
}

// parseQuery parses PromQL with its variables. The error says where in the query the mistake is.
func parseQuery(query string) (parser.Expr, error) {
	if len(query) > maxQuery {
		return nil, fmt.Errorf("the query is longer than %d bytes", maxQuery)
	}
	for _, name := range variable.FindAllString(query, -1) {
		if stand(name) == "" {
			return nil, unknownVariable(name)
		}
	}
	expr, err := parser.ParseExpr(variable.ReplaceAllStringFunc(query, stand))
	if err != nil {
		return nil, queryError(query, err)
	}
	switch expr.Type() {
	case parser.ValueTypeMatrix:
		return nil, hint{"the query gives a range of values where one value a series is needed", "put a function such as rate(…) around it"}
	case parser.ValueTypeString:
		return nil, hint{"the query gives a text where a value is needed", "write a query that gives numbers"}
	}
	return expr, nil
}

func unknownVariable(name string) error {
	fix := "the variables are $service, $stage, $application and $window"
	if near := nearest(name, []string{"$service", "$stage", "$application", "$window"}); near != "" {
		fix = fmt.Sprintf("did you mean %s?", near)
	}
	return hint{fmt.Sprintf("the query has an unknown variable %s", name), fix}
}

func queryError(query string, err error) error {
	var all parser.ParseErrors
	if !errors.As(err, &all) || len(all) == 0 {
		return fmt.Errorf("the query is not valid PromQL: %w", err)
	}
	first, asWritten := all[0], strings.NewReplacer(
		`"service_"`, "$service", `"stage_"`, "$stage", `"application_"`, "$application", "987654s", "$window")
	return hint{
		fmt.Sprintf("the query is not valid PromQL: %s (at %s of the query)",
			asWritten.Replace(first.Err.Error()), first.PositionRange.StartPosInput(query, 0)),
		"correct it; Prometheus' own page helps to try a query",
	}
}

// Lookback is how far a query with variables looks back apart from $window: the longest sum of
// ranges, subquery ranges and offsets over one of its selectors. Zero if it uses $window alone.
func Lookback(query string) (time.Duration, error) {
	expr, err := parseQuery(query)
	if err != nil {
		return 0, err
	}
	var longest time.Duration
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			longest = max(longest, reach(selector, path))
		}
		return nil
	})
	return longest, nil
}

// reach sums what a selector looks back over, with the ranges that it stands in.
func reach(selector *parser.VectorSelector, path []parser.Node) time.Duration {
	sum := fixed(selector.OriginalOffset)
	for _, node := range path {
		switch node := node.(type) {
		case *parser.MatrixSelector:
			sum += fixed(node.Range)
		case *parser.SubqueryExpr:
			sum += fixed(node.Range) + fixed(node.OriginalOffset)
		}
	}
	return sum
}

func fixed(d time.Duration) time.Duration {
	if d == windowMark {
		return 0
	}
	return d
}
