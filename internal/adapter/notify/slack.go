package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// slack is a Slack incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/).
type slack struct {
	client  *http.Client
	ref     policy.Secret // of the URL, which is all that one needs to post
	secrets Secrets
}

// Name implements Channel.
func (s slack) Name() string { return "slack " + string(s.ref) }

// Send implements Channel.
func (s slack) Send(ctx context.Context, m ledger.Message) error {
	address, err := s.secrets(ctx, s.ref)
	if err != nil {
		return err
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return fmt.Errorf("%s is not a URL", s.ref) // somebody may mend the secret: it can be tried again
	}
	body, err := json.Marshal(slackMessage(m))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	reply, err := post(ctx, s.client, address, body, nil)
	var refused *Error
	if errors.As(err, &refused) && len(reply) < 60 && strings.Trim(reply, "abcdefghijklmnopqrstuvwxyz_") == "" {
		refused.Reason = reply // one of Slack's words, as no_service or channel_is_archived
	}
	return err
}

// Slack's limits are in characters (https://docs.slack.dev/reference/block-kit/blocks/section-block/);
// bytes are never fewer.
const (
	maxSection  = 3000
	maxFallback = 1000
	maxFindings = 10
	maxLinks    = 10
)

type slackBody struct {
	Text   string       `json:"text"` // for notifications and screen readers
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func slackMessage(m ledger.Message) slackBody {
	title := oneLine(m.Title)
	if title == "" {
		title = "Guardian" // Slack refuses an empty text
	}
	blocks := []slackBlock{section("*" + escape(title, maxFallback) + "*")}
	if text := strings.TrimSpace(strings.Join(m.Text, "\n")); text != "" {
		blocks = append(blocks, section(escape(text, maxSection)))
	}
	if len(m.Findings) > 0 {
		blocks = append(blocks, section(evidence(m.Findings)))
	}
	if m.Undo != "" {
		blocks = append(blocks, section("Undo: "+code(m.Undo)))
	}
	if links := linkList(m.Links); links != "" {
		blocks = append(blocks, section(links))
	}
	blocks = append(blocks, slackBlock{Type: "context", Elements: []slackText{mrkdwn(footer(m))}})
	fallback := title
	if len(m.Text) > 0 {
		fallback += ": " + strings.Join(m.Text, " ")
	}
	return slackBody{Text: escape(oneLine(fallback), maxFallback), Blocks: blocks}
}

func mrkdwn(text string) slackText { return slackText{Type: "mrkdwn", Text: text} }

func section(text string) slackBlock {
	t := mrkdwn(text)
	return slackBlock{Type: "section", Text: &t}
}

// evidence writes one line a finding, as many as there is room for.
func evidence(findings []health.Finding) string {
	var lines []string
	size := 0
	for i, f := range findings {
		line := fmt.Sprintf("%s %s: %s", code(f.Gate), f.Verdict, escape(oneLine(f.Reason), maxSection/maxFindings))
		if l := link(f.Link, "query"); l != "" {
			line += " " + l
		}
		if size += len(line) + 1; i == maxFindings || size > maxSection-len("and 1234567 more") {
			lines = append(lines, fmt.Sprintf("and %d more", len(findings)-i))
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func footer(m ledger.Message) string {
	var parts []string
	if m.Target != (ledger.Target{}) {
		parts = append(parts, escape(m.Target.String(), maxFallback))
	}
	if m.End != "" {
		parts = append(parts, string(m.End))
	}
	if m.Incident != "" {
		parts = append(parts, code("guardian explain "+m.Incident))
	}
	return strings.Join(append(parts, m.At.UTC().Format(time.RFC3339)), " | ")
}

func linkList(links []string) string {
	var out []string
	size := 0
	for _, address := range links[:min(len(links), maxLinks)] {
		l := link(address, "")
		if size += len(l) + 1; l == "" || size > maxSection {
			continue
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// link writes a link, or nothing where it is not one that a browser opens safely. A "|" or ">" of
// the address would end it.
func link(address, label string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(address) > maxFallback {
		return ""
	}
	address = strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C", " ", "%20").Replace(address)
	if label != "" {
		address += "|" + label
	}
	return "<" + address + ">"
}

// code sets a text as code; a backquote would end it.
func code(text string) string {
	return "`" + escape(strings.ReplaceAll(oneLine(text), "`", "'"), maxFallback) + "`"
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// escape writes a text so that Slack shows it as it is: without links, mentions or entities of its
// own. What goes beyond the limit, in bytes as escaped, is cut off.
func escape(text string, limit int) string {
	const more = "..."
	var b strings.Builder
	for _, r := range text {
		s := string(r)
		switch r {
		case '&':
			s = "&amp;"
		case '<':
			s = "&lt;"
		case '>':
			s = "&gt;"
		}
		if b.Len()+len(s) > limit-len(more) {
			return b.String() + more
		}
		b.WriteString(s)
	}
	return b.String()
}
