package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func TestSlackGetsTheWholeMessage(t *testing.T) {
	r := newReceiver(t)
	r.reply = "ok"
	c := newOne(t, policy.Channel{Slack: "env:SLACK_URL"}, map[policy.Secret]string{"env:SLACK_URL": r.URL + "/services/" + hidden})
	if err := c.Send(t.Context(), healed()); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, r.bodies[0], "", "  "); err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "slack.json", got.String())
	if c.Name() != "slack env:SLACK_URL" || r.requests[0].URL.Path != "/services/"+hidden {
		t.Errorf("channel %s posted to %s", c.Name(), r.requests[0].URL.Path)
	}
}

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), strings.TrimSpace(got)); diff != "" {
		t.Errorf("%s: %s\ngot:\n%s", name, diff, got)
	}
}

func TestSlacksRefusalsTellTheirReason(t *testing.T) {
	for name, tt := range map[string]struct {
		status    int
		reply     string
		permanent bool
		says      string
	}{
		"revoked":        {404, "no_service", true, "404 Not Found: no_service"},
		"archived":       {410, "channel_is_archived", true, "channel_is_archived"},
		"not understood": {400, "invalid_blocks", true, "invalid_blocks"},
		"too fast":       {429, "", false, "429 Too Many Requests"},
		"broken":         {500, "rollup_error", false, "rollup_error"},
		"echo":           {400, "you posted to /services/" + hidden, true, "400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			r.status, r.reply = tt.status, tt.reply
			c := newOne(t, policy.Channel{Slack: "env:U"}, map[policy.Secret]string{"env:U": r.URL + "/services/" + hidden})
			wantFailure(t, c.Send(t.Context(), healed()), tt.permanent, tt.says)
		})
	}
}

func TestSlacksAddressIsNeverTold(t *testing.T) {
	gone := newReceiver(t)
	gone.Close()
	for name, address := range map[string]string{
		"not reachable": gone.URL + "/services/" + hidden,
		"not a URL":     "http://[" + hidden,
		"no host":       hidden,
		"odd port":      "http://127.0.0.1:" + hidden + "/",
		"odd scheme":    "s3cret://127.0.0.1/" + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			c := newOne(t, policy.Channel{Slack: "env:U"}, map[policy.Secret]string{"env:U": address})
			err := c.Send(t.Context(), healed())
			if err == nil || errors.Is(err, ErrPermanent) || strings.Contains(err.Error(), "/"+hidden) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestASecretThatCannotBeHadIsTriedAgain(t *testing.T) {
	c := newOne(t, policy.Channel{Slack: "env:GONE"}, nil)
	wantFailure(t, c.Send(t.Context(), healed()), false, "tell slack env:GONE: no such secret")
}

func wantFailure(t *testing.T, err error, permanent bool, says string) {
	t.Helper()
	if err == nil || errors.Is(err, ErrPermanent) != permanent {
		t.Fatalf("error is %v, want permanent: %t", err, permanent)
	}
	if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), hidden) {
		t.Errorf("error is %q, want %q", err, says)
	}
}

func TestSlacksLimitsAreKept(t *testing.T) {
	m := healed()
	m.Title = strings.Repeat("<é", 5000)
	m.Text = []string{strings.Repeat("&", 5000), strings.Repeat("\U0001f4a5", 5000)}
	m.Undo = strings.Repeat("undo ", 5000)
	m.Incident = strings.Repeat("i", 5000)
	m.Target.Service = strings.Repeat("s", 5000)
	for i := range 100 {
		address := fmt.Sprintf("https://x.example/%d?%s", i, strings.Repeat("a&", 400))
		m.Links = append(m.Links, address)
		m.Findings = append(m.Findings, health.Finding{Gate: strings.Repeat("g", 5000), Reason: strings.Repeat(">", 5000), Link: address})
	}
	got := slackMessage(m)
	if len(got.Blocks) > 50 || len(got.Text) > maxFallback {
		t.Errorf("%d blocks, %d bytes of fallback", len(got.Blocks), len(got.Text))
	}
	for i, b := range got.Blocks {
		texts := b.Elements
		if b.Text != nil {
			texts = append(texts, *b.Text)
		}
		for _, text := range texts {
			if len(text.Text) == 0 || len(text.Text) > maxSection || !utf8.ValidString(text.Text) {
				t.Errorf("block %d has %d bytes", i, len(text.Text))
			}
		}
	}
}

func TestAnEmptyMessageHasNoEmptyBlock(t *testing.T) {
	got := slackMessage(ledger.Message{Text: []string{""}})
	if len(got.Blocks) != 2 || got.Text == "" {
		t.Errorf("got %+v", got)
	}
}

func TestEscapedTextIsTheTextAgainForItsReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("a<>&;é💥|@!`"))).Draw(t, "text")
		limit := rapid.IntRange(3, 60).Draw(t, "limit")
		got := escape(text, limit)
		if len(got) > limit {
			t.Fatalf("%q is longer than %d", got, limit)
		}
		if strings.ContainsAny(got, "<>") {
			t.Fatalf("%q has a bracket", got)
		}
		shown := html.UnescapeString(got)
		if shown != text && !strings.HasPrefix(text, strings.TrimSuffix(shown, "...")) {
			t.Fatalf("%q is shown as %q", text, shown)
		}
	})
}

func TestARedirectOfSlackIsNotFollowed(t *testing.T) {
	r, other := newReceiver(t), newReceiver(t)
	r.status, r.headers = http.StatusFound, map[string]string{"Location": other.URL}
	c := newOne(t, policy.Channel{Slack: "env:U"}, map[policy.Secret]string{"env:U": r.URL})
	wantFailure(t, c.Send(t.Context(), healed()), true, "give the address that it redirects to")
	if len(other.requests) != 0 {
		t.Error("the redirect was followed")
	}
}
