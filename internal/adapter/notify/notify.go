// Package notify delivers messages to people: to the log, to Slack and to any service that takes
// JSON. It sends once; trying again is its caller's part, and its errors tell what for.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Channel is one place where people are told.
type Channel interface {
	// Name is the same for the same channel after every start: the outbox keeps it.
	Name() string
	// Send delivers the message once. Its error wraps ErrPermanent where another try cannot help,
	// and an *Error where the receiver answered.
	Send(ctx context.Context, message ledger.Message) error
}

// Secrets looks up what a reference of the policy stands for.
type Secrets func(ctx context.Context, ref policy.Secret) (string, error)

// New makes the channels of a policy. The log is always the first of them. It fails where a
// channel's caFile cannot be read or its URL is none.
func New(channels []policy.Channel, secrets Secrets, log *slog.Logger) ([]Channel, error) {
	out := []Channel{Log{log}}
	taken := map[string]int{}
	for i, c := range channels {
		channel, err := newChannel(c, secrets)
		if err != nil {
			return nil, fmt.Errorf("notify channel %d: %w", i+1, err)
		}
		name := channel.Name()
		if taken[name]++; taken[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, taken[name])
		}
		out = append(out, selective{Channel: channel, name: name, only: c.Only})
	}
	return out, nil
}

func newChannel(c policy.Channel, secrets Secrets) (Channel, error) {
	config := httpclient.Config{CAFile: c.CAFile, Insecure: c.Insecure, Timeout: c.Timeout.D()}
	if c.Token != "" && c.Slack == "" {
		config.Token = func(ctx context.Context) (string, error) { return secrets(ctx, c.Token) }
	}
	client, err := httpclient.New(config)
	if err != nil {
		return nil, err
	}
	// A redirected POST arrives as a GET without its message, and looks delivered.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.Slack != "" {
		return slack{client: client, ref: c.Slack, secrets: secrets}, nil
	}
	u, err := url.Parse(c.Webhook)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("webhook is not an http or https URL")
	}
	return webhook{client: client, url: u}, nil
}

// selective is a channel that may get only the messages that a person must look at now.
type selective struct {
	Channel
	name string
	only policy.Urgency
}

// Name implements Channel.
func (s selective) Name() string { return s.name }

// Send implements Channel; a message that the channel is not meant to get counts as sent.
func (s selective) Send(ctx context.Context, message ledger.Message) error {
	if s.only == policy.Page && message.Urgency != policy.Page {
		return nil
	}
	if err := s.Channel.Send(ctx, message); err != nil {
		return fmt.Errorf("tell %s: %w", s.name, err)
	}
	return nil
}

// Log is the channel to Guardian's own log.
type Log struct{ Logger *slog.Logger }

// Name implements Channel.
func (l Log) Name() string { return "log" }

// Send implements Channel; it never fails.
func (l Log) Send(ctx context.Context, m ledger.Message) error {
	level := slog.LevelInfo
	if m.Urgency == policy.Page {
		level = slog.LevelWarn
	}
	l.Logger.Log(ctx, level, "message to people",
		slog.String("id", m.ID),
		slog.String("incident", m.Incident),
		slog.String("target", m.Target.String()),
		slog.String("title", m.Title),
		slog.Any("text", m.Text),
		slog.String("undo", m.Undo),
		slog.String("end", string(m.End)),
	)
	return nil
}
