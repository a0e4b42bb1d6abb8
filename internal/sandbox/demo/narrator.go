package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

// width is that of the smallest terminal that is still in use.
const width = 80

// narrator prints the story as it happens, or its events as JSON.
type narrator struct {
	o      Options
	client *api.Client
	start  time.Time
	seen   map[string]int // next event by incident
}

func newNarrator(o Options, client *api.Client) *narrator {
	return &narrator{o: o, client: client, start: time.Now(), seen: map[string]int{}}
}

// follow prints the events that have come since the last call.
func (n *narrator) follow(ctx context.Context) error {
	incidents, err := n.client.Incidents(ctx, 10)
	if err != nil {
		return err
	}
	for i := len(incidents) - 1; i >= 0; i-- {
		id := incidents[i].ID
		events, err := n.client.Events(ctx, id, n.seen[id]-1)
		if err != nil {
			return err
		}
		for _, e := range events {
			n.seen[id] = e.Seq + 1
			n.event(e)
		}
	}
	return nil
}

func (n *narrator) event(e ledger.Event) {
	if n.o.JSON {
		_ = json.NewEncoder(n.o.Out).Encode(e) // a closed pipe ends the program anyway
		return
	}
	n.line(e.At, n.paint(string(e.Kind), color(e)), string(e.Kind), e.Text)
}

func (n *narrator) say(format string, args ...any) {
	if !n.o.JSON {
		n.line(time.Now(), "", "", fmt.Sprintf(format, args...))
	}
}

func (n *narrator) refused(why string) {
	if !n.o.JSON {
		n.line(time.Now(), n.paint("refused", "33"), "refused", why)
	}
}

func (n *narrator) act(title string) {
	if !n.o.JSON {
		fmt.Fprintf(n.o.Out, "\n%s\n", n.paint(title, "1"))
	}
}

// line prints a time, a word and a text that is wrapped beside them.
func (n *narrator) line(at time.Time, painted, plain, text string) {
	const indent = 19
	lines := wrap(text, width-indent)
	pad := strings.Repeat(" ", max(9-len(plain), 0))
	fmt.Fprintf(n.o.Out, "%6.1fs  %s%s  %s\n", max(at.Sub(n.start).Seconds(), 0), painted, pad, lines[0])
	for _, more := range lines[1:] {
		fmt.Fprintf(n.o.Out, "%s%s\n", strings.Repeat(" ", indent), more)
	}
}

// ending is the last line of the JSON: written only when both acts ended so.
type ending struct {
	End          ledger.End `json:"end"`
	Incidents    []string   `json:"incidents"`
	RetryRefused bool       `json:"retryRefused"`
	Data         string     `json:"data"`
}

func (n *narrator) curtain(first, second ledger.Incident) {
	if n.o.JSON {
		_ = json.NewEncoder(n.o.Out).Encode(ending{ledger.Healed, []string{first.ID, second.ID}, true, n.o.Dir})
		return
	}
	fmt.Fprintf(n.o.Out, "\n%s Both acts ended Healed:\n", n.paint("Done.", "32"))
	for _, inc := range []ledger.Incident{first, second} {
		fmt.Fprintf(n.o.Out, "  %-14s %4.1f s from the alert to healed\n", inc.Target, inc.EndedAt.Sub(inc.StartsAt).Seconds())
	}
	where(n.o.Out, n.o.Dir, first, second)
}

func where(out io.Writer, dir string, incidents ...ledger.Incident) {
	fmt.Fprintf(out, "\nWhere to look:\n")
	for _, inc := range incidents {
		fmt.Fprintf(out, "  dist/guardian explain --data %s/data %s\n", dir, inc.ID)
	}
	fmt.Fprintf(out, "  %s/guardian.yaml   the policy it ran with\n", dir)
	fmt.Fprintf(out, "  %s/guardian.log    what it logged\n", dir)
}

func color(e ledger.Event) string {
	switch e.Kind {
	case ledger.EventEffect:
		return "36"
	case ledger.EventTrouble, ledger.EventRefusal:
		return "33"
	case ledger.EventEnd:
		if e.End == ledger.Healed {
			return "32"
		}
		return "31"
	}
	return "2"
}

func (n *narrator) paint(s, code string) string {
	if !n.o.Color || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// wrap breaks text at spaces into lines of at most so many runes; a longer word stands alone.
func wrap(text string, most int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > most {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
