package backtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// readings are what the metrics say of a bake, by the question that was asked.
type readings map[string]health.Reading

// question tells gates apart that ask something else. Settings that only judge otherwise share
// one reading, and so the questions.
func question(g health.Gate) string {
	b := policy.Baseline{}
	if g.Baseline != nil {
		b = *g.Baseline
	}
	return fmt.Sprintf("%#v", []any{g.Name, g.Query, g.Bad, g.Total, b, g.Window, g.Interval, g.InitialDelay})
}

// read asks everything that the gates need for the bake in any of the settings. Each question is
// asked once: of settings that share it, by one that compares, which needs more.
func (b bake) read(ctx context.Context, p *patient, settings []Setting) readings {
	ask := map[string]health.Gate{}
	for _, s := range settings {
		for _, name := range b.gates() {
			g := s.gate(name)
			if asked, has := ask[question(g)]; !has || asked.Tolerance == nil {
				ask[question(g)] = g
			}
		}
	}
	found := readings{}
	for key, g := range ask {
		first := b.At.Add(g.InitialDelay.D() + g.Interval.D())
		found[key] = health.Judge{Metrics: p}.Read(ctx, g, b.subject(), b.At, first, b.end)
	}
	return found
}

// err is why some question had no answer; nil if all had. answered tells whether Prometheus said
// anything at all, be it that a question is wrong.
func (r readings) err() (err error, answered bool) {
	answered = true
	for _, one := range r {
		if one.Err == nil {
			continue
		}
		if err == nil {
			err = one.Err
		}
		answered = answered && errors.Is(one.Err, health.ErrQuery)
	}
	return err, answered
}
