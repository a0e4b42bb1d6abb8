package main

import (
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/outbox"
)

// counting counts what came of each message. What people were not told an alarm says.
func counting(m *lambdakit.Metrics) func(channel, outcome string) {
	return func(channel, outcome string) {
		m.Add(names.Messages, 1, "Channel", channel, "Outcome", outcome)
		if outcome != outbox.Sent {
			m.Add(names.Untold, 1)
		}
	}
}
