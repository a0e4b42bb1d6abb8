// Package condition compiles and asks the conditions of a gate, such as "result > 0.5": expressions
// in the expr language with the words that Argo Rollouts gives them
// (https://argo-rollouts.readthedocs.io/en/stable/features/analysis/): result, asInt, asFloat,
// isNaN, isInf, isNil and default.
package condition

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// MaxLength is how many bytes a condition may have.
const MaxLength = 4096

// Condition is a compiled condition. It is safe for concurrent use.
type Condition struct {
	source  string
	program *vm.Program
	vector  bool
	names   map[string]bool
}

// ErrSeries is wrapped by Eval's error when a condition over one value is asked of a query that
// did not give exactly one series.
var ErrSeries = errors.New("the condition is over one value")

// Compile reads a condition. It must be of true or false and look at result, which is one number
// where the condition can be read so ("result > 0.5"), else the list of all the query's values
// ("result[0] > 0.5", "all(result, # < 1)"). The error says what is wrong in one line.
func Compile(src string) (*Condition, error) {
	if strings.TrimSpace(src) == "" {
		return nil, errors.New("the condition is empty")
	}
	if len(src) > MaxLength {
		return nil, fmt.Errorf("the condition is longer than %d bytes", MaxLength)
	}
	program, asScalar := compile(src, 0.0)
	vector := asScalar != nil
	if vector {
		var asVector error
		if program, asVector = compile(src, []float64{}); asVector != nil {
			return nil, inOneLine(meant(src, asScalar, asVector))
		}
	}
	names := namesIn(program.Node())
	if !names["result"] {
		return nil, errors.New("the condition does not look at result, so that it would always say the same")
	}
	return &Condition{source: src, program: program, vector: vector, names: names}, nil
}

func compile(src string, result any) (*vm.Program, error) {
	return expr.Compile(src, expr.Env(environment(result)), expr.AsBool(), expr.WarnOnAny(),
		expr.DisableBuiltin("now")) // a verdict must be the same when it is asked again
}

// meant picks the error of the reading that the author had in mind.
func meant(src string, asScalar, asVector error) error {
	if strings.Contains(src, "[") || strings.Contains(src, "#") {
		return asVector
	}
	return asScalar
}

func inOneLine(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return fmt.Errorf("%s (at %d:%d of the condition)", at.Message, at.Line, at.Column+1)
	}
	return errors.New(strings.ReplaceAll(err.Error(), "\n", " "))
}

// String gives the condition as it was written.
func (c *Condition) String() string { return c.source }

// Vector tells whether result is the list of all values and not a single one.
func (c *Condition) Vector() bool { return c.vector }

// MentionsNaN tells whether the condition itself says what NaN means.
func (c *Condition) MentionsNaN() bool { return c.names["isNaN"] }

// MentionsInf tells whether the condition itself says what an infinite value means.
func (c *Condition) MentionsInf() bool { return c.names["isInf"] }

// Eval tells whether the condition holds for what a query gave, one value a series. A condition
// over one value refuses any other number of values with ErrSeries.
func (c *Condition) Eval(values []float64) (bool, error) {
	var result any = values
	if !c.vector {
		if len(values) != 1 {
			return false, fmt.Errorf("%w, but the query gave %d series", ErrSeries, len(values))
		}
		result = values[0]
	}
	out, err := expr.Run(c.program, environment(result))
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", c.source, inOneLine(err))
	}
	holds, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("condition %q gave %T where true or false is expected", c.source, out)
	}
	return holds, nil
}

// namesIn gives the identifiers that an expression uses.
func namesIn(root ast.Node) map[string]bool {
	found := names{}
	ast.Walk(&root, found)
	return found
}

type names map[string]bool

// Visit implements ast.Visitor.
func (n names) Visit(node *ast.Node) {
	if id, ok := (*node).(*ast.IdentifierNode); ok {
		n[id.Value] = true
	}
}
