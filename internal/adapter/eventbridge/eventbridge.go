// Package eventbridge publishes what Guardian tells people on an event bus, as package events/outcome
// describes.
//
// The caller's role needs events:PutEvents on the bus.
package eventbridge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/cinegit/guardian/events/outcome"
	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// maxText bounds the sentences of an event, in bytes: EventBridge takes 1 MB for an entry, and rules and
// targets take less (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html).
const maxText = 64 << 10

// Bus is an event bus as one of the channels by which people are told.
type Bus struct {
	client *eventbridge.Client
	name   string
}

var _ notify.Channel = (*Bus)(nil)

// New gives the bus of a name or ARN. Nothing is connected to before the first call.
func New(cfg aws.Config, name string) *Bus {
	return &Bus{client: eventbridge.NewFromConfig(cfg), name: name}
}

// Name implements notify.Channel.
func (b *Bus) Name() string { return "bus" }

// Send implements notify.Channel.
func (b *Bus) Send(ctx context.Context, m ledger.Message) error {
	detail := outcome.Detail{
		ID: m.ID, Incident: m.Incident, Service: m.Target.Service, Stage: m.Target.Stage, At: m.At,
		Urgency: urgency(m), End: string(m.End), Title: m.Title, Text: shortened(m.Text), Undo: m.Undo,
	}
	raw, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, err)
	}
	out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &b.name, Source: aws.String(outcome.Source), DetailType: aws.String(detail.Type()),
		Detail: aws.String(string(raw)), Time: aws.Time(m.At),
	}}})
	if err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, err)
	}
	if out.FailedEntryCount > 0 && len(out.Entries) > 0 {
		return fmt.Errorf("publish %s: %s: %s", m.ID, aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
	}
	return nil
}

// urgency is that of the event: page, or info for what the policy calls all.
func urgency(m ledger.Message) string {
	if m.Urgency == policy.Page {
		return "page"
	}
	return "info"
}

// shortened keeps sentences until they are too long together.
func shortened(text []string) []string {
	sum := 0
	for i, sentence := range text {
		if sum += len(sentence); sum > maxText {
			return append(text[:i:i], "and more")
		}
	}
	return text
}
