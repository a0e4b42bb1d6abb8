package policy

import (
	"cmp"
	"fmt"
	"time"
)

// DefaultWithin is how long a remedy may take to help where a rule does not say.
const DefaultWithin = Duration(4 * time.Minute)

// fillDefaults gives every field that the file leaves out the value that types.go names. What the
// file sets stays, also where it is zero.
func (p *Policy) fillDefaults(set places) {
	fill(set, "/mode", &p.Mode, Suggest)
	p.Connections.fillDefaults(set)
	for i := range p.Notify {
		at := pointer("/notify").index(i)
		fill(set, at.key("only"), &p.Notify[i].Only, All)
		fill(set, at.key("timeout"), &p.Notify[i].Timeout, seconds(10))
	}
	for name, s := range p.Services {
		s.fillDefaults(set, pointer("/services").key(name))
		p.Services[name] = s
	}
	for name, g := range p.Gates {
		g.fillDefaults(set, pointer("/gates").key(name))
		p.Gates[name] = g
	}
	for i := range p.Rules {
		at := pointer("/rules").index(i)
		fill(set, at.key("name"), &p.Rules[i].Name, placeName(i))
		fill(set, at.key("verify").key("within"), &p.Rules[i].Verify.Within, DefaultWithin)
	}
	p.Limits.fillDefaults(set)
}

// placeName is the name of a rule that has none.
func placeName(i int) string { return fmt.Sprintf("rule %d", i+1) }

func (c *Connections) fillDefaults(set places) {
	fill(set, "/connections/argocd/timeout", &c.ArgoCD.Timeout, seconds(10))
	fill(set, "/connections/prometheus/timeout", &c.Prometheus.Timeout, seconds(10))
	fill(set, "/connections/prometheus/externalURL", &c.Prometheus.ExternalURL, c.Prometheus.URL)
	fill(set, "/connections/flags/timeout", &c.Flags.Timeout, seconds(5))
}

func (s *Service) fillDefaults(set places, at pointer) {
	fill(set, at.key("unproven"), &s.Unproven, UnprovenSuggest)
	for i := range s.Stages {
		here := at.key("stages").index(i)
		fill(set, here.key("deploy"), &s.Stages[i].Deploy, DeployWait)
		fill(set, here.key("bake"), &s.Stages[i].Bake, minutes(10))
		fill(set, here.key("settle"), &s.Stages[i].Settle, minutes(5))
	}
}

func (g *Gate) fillDefaults(set places, at pointer) {
	fill(set, at.key("window"), &g.Window, minutes(1))
	fill(set, at.key("interval"), &g.Interval, seconds(15))
	fill(set, at.key("noData"), &g.NoData, NoDataHold)
	if g.Tolerance != nil {
		g.Alpha = cmp.Or(g.Alpha, new(Percent(0.05)))
		g.Min = cmp.Or(g.Min, leastMin(g.Max))
	}
	if g.Compares() {
		fill(set, at.key("direction"), &g.Direction, Increase)
		fill(set, at.key("nanStrategy"), &g.NaNStrategy, NaNRemove)
	}
	if g.Baseline != nil && !g.Baseline.Beside() {
		fill(set, at.key("baseline").key("before"), &g.Baseline.Before, minutes(30))
	}
	g.FailureLimit = cmp.Or(g.FailureLimit, new(2))
	g.InconclusiveLimit = cmp.Or(g.InconclusiveLimit, new(0))
	g.ConsecutiveErrorLimit = cmp.Or(g.ConsecutiveErrorLimit, new(4))
	g.ConsecutiveSuccessLimit = cmp.Or(g.ConsecutiveSuccessLimit, new(2))
	g.MinSampleCount = cmp.Or(g.MinSampleCount, new(30))
}

// leastMin is the min of a gate that says none: what a service level of 99.9% allows, and never
// above its max.
func leastMin(most *Percent) *Percent {
	least := Percent(0.001)
	if most != nil {
		least = min(least, *most)
	}
	return &least
}

func (l *Limits) fillDefaults(set places) {
	fill(set, "/limits/cooldown", &l.Cooldown, minutes(30))
	fill(set, "/limits/fleet", &l.Fleet, Rate{Count: 3, In: minutes(15)})
	fill(set, "/limits/share", &l.Share, 0.5)
	fill(set, "/limits/alertMaxAge", &l.AlertMaxAge, minutes(20))
	fill(set, "/limits/blameWindow", &l.BlameWindow, minutes(60))
	fill(set, "/limits/approval", &l.Approval, minutes(30))
}

func fill[T any](set places, at pointer, field *T, value T) {
	if !set.has(at) {
		*field = value
	}
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }
func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
