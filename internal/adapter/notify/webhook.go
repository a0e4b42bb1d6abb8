package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Schema names the shape of a Body. It changes when a receiver of the old one could break.
const Schema = "guardian.message/v1"

// Body is what a generic webhook gets by POST, with the message's ID also as Idempotency-Key. Any
// 2xx is taken for received; fields may be added, and receivers should ignore those they do not know.
type Body struct {
	Schema   string           `json:"schema"`
	ID       string           `json:"id"` // the same message has the same ID, however often it is sent
	Incident string           `json:"incident,omitempty"`
	Service  string           `json:"service,omitempty"`
	Stage    string           `json:"stage,omitempty"`
	At       time.Time        `json:"at"`
	Urgency  policy.Urgency   `json:"urgency"` // all, or page: a person must look now
	Title    string           `json:"title"`
	Text     []string         `json:"text"`               // sentences
	Findings []health.Finding `json:"findings,omitempty"` // the evidence
	Undo     string           `json:"undo,omitempty"`     // the command that undoes it
	Links    []string         `json:"links,omitempty"`
	End      ledger.End       `json:"end,omitempty"` // of the incident: Healed, StoodDown, FailedClean or FailedDirty
}

func bodyOf(m ledger.Message) Body {
	text := m.Text
	if text == nil {
		text = []string{} // never null, so that receivers need not ask
	}
	return Body{
		Schema:   Schema,
		ID:       m.ID,
		Incident: m.Incident,
		Service:  m.Target.Service,
		Stage:    m.Target.Stage,
		At:       m.At,
		Urgency:  m.Urgency,
		Title:    m.Title,
		Text:     text,
		Findings: m.Findings,
		Undo:     m.Undo,
		Links:    m.Links,
		End:      m.End,
	}
}

// webhook is a service that takes messages as JSON.
type webhook struct {
	client *http.Client
	url    *url.URL
}

// Name implements Channel. A token in the URL's query stays out of it.
func (w webhook) Name() string { return "webhook " + w.url.Host + w.url.Path }

// Send implements Channel.
func (w webhook) Send(ctx context.Context, m ledger.Message) error {
	body, err := json.Marshal(bodyOf(m))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	_, err = post(ctx, w.client, w.url.String(), body, map[string]string{"Idempotency-Key": m.ID})
	return err
}
