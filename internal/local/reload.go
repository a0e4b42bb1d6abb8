package local

import (
	"context"
	"crypto/sha256"
	"os"
	"time"

	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reload"
)

// reload takes a changed policy file up. One with a mistake stays out: the loaded one stays in force, and
// status and readiness say so.
func (g *Guardian) reload(ctx context.Context) {
	raw, err := os.ReadFile(g.options.Config)
	sum := sha256.Sum256(raw)
	if err == nil && sum == g.lastRead && g.policyProblem() == "" {
		return // while there is a problem, what it speaks of may be mended without a change of this file
	}
	if err == nil {
		g.lastRead = sum
	}
	next, err := g.load()
	if err != nil {
		if g.setPolicyProblem(reload.Problem(err)) {
			g.metrics.reloads.WithLabelValues("refused").Inc()
			g.log.ErrorContext(ctx, "policy not taken, the loaded one stays in force", "file", g.options.Config, "error", reload.Problem(err))
		}
		return
	}
	before := g.current.Swap(next)
	g.setPolicyProblem("")
	g.metrics.reloads.WithLabelValues("taken").Inc()
	g.log.InfoContext(ctx, "policy taken", "file", g.options.Config)
	// Steps that run keep the connections that they began with for as long as a step may take.
	time.AfterFunc(2*time.Minute, func() { _ = before.close() })
}

// load reads the policy and connects what it names.
func (g *Guardian) load() (*engine, error) {
	p, err := policy.Load(g.options.Config)
	if err != nil {
		return nil, err
	}
	return newEngine(p, g.ledger, g.secrets, g.log)
}

func (g *Guardian) policyProblem() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.problem
}

// setPolicyProblem tells whether that is news.
func (g *Guardian) setPolicyProblem(problem string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	news := g.problem != problem
	g.problem = problem
	return news
}
