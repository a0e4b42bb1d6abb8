package scenario

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

// story is one scenario while it runs.
type story struct {
	archive *txtar.Archive
	world   *World
	fired   map[string]time.Time // when an alert began, by its words
	lines   []line
}

// line is one line of the trace.
type line struct {
	at   time.Time
	text string
}

func (s *story) say(format string, args ...any) {
	s.lines = append(s.lines, line{s.world.Now(), fmt.Sprintf(format, args...)})
}

// Run runs a scenario and gives the ledger that came of it, as the file's part want.txt has it. The
// flag document lies in dir. An error means that the scenario itself is not understood.
func Run(ctx context.Context, a *txtar.Archive, dir string) (string, error) {
	p, err := policy.Parse("policy.yaml", file(a, "policy.yaml"))
	if err != nil {
		return "", err
	}
	apps, err := parseApps(string(file(a, "apps.txt")))
	if err != nil {
		return "", err
	}
	world, err := New(dir, p, slog.New(slog.DiscardHandler), apps...)
	if err != nil {
		return "", err
	}
	s := &story{archive: a, world: world, fired: map[string]time.Time{}}
	all, end, err := parseTimeline(string(file(a, "timeline.txt")))
	if err != nil {
		return "", err
	}
	if err := s.plan(all); err != nil {
		return "", err
	}
	world.Until(ctx, end)
	return s.told(ctx)
}

func file(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// parseApps reads what applications are, beyond plain ones: NAME autosync|helm|multi|owner=KIND:NAME.
func parseApps(text string) (apps []remedytest.App, err error) {
	for text := range strings.Lines(text) {
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		app := remedytest.App{Name: words[0]}
		for _, word := range words[1:] {
			owner, isOwner := strings.CutPrefix(word, "owner=")
			switch {
			case isOwner:
				app.Owner = strings.ReplaceAll(owner, ":", " ")
			case word == "autosync":
				app.AutoSync = true
			case word == "helm":
				app.Helm = true
			case word == "multi":
				app.MultiFrom = true
			default:
				return nil, fmt.Errorf("apps.txt: %q is not understood", word)
			}
		}
		apps = append(apps, app)
	}
	return apps, nil
}

// told is the trace: every incident's timeline, what was ignored, what people did, and the end.
func (s *story) told(ctx context.Context) (string, error) {
	l := s.world.Ledger
	ignored, err := l.Ignored(ctx, 0)
	if err != nil {
		return "", err
	}
	for _, e := range ignored {
		s.lines = append(s.lines, line{e.At, "ignored  " + e.Text})
	}
	incidents, err := l.Incidents(ctx, 0)
	if err != nil {
		return "", err
	}
	for _, inc := range slices.Backward(incidents) {
		events, err := l.Events(ctx, inc.ID, -1)
		if err != nil {
			return "", err
		}
		for _, e := range events {
			s.lines = append(s.lines, line{e.At, fmt.Sprintf("%-8s %s", e.Kind, e.Text)})
		}
	}
	slices.SortStableFunc(s.lines, func(a, b line) int { return cmp.Compare(a.at.Unix(), b.at.Unix()) })
	var out strings.Builder
	for _, ln := range s.lines {
		fmt.Fprintf(&out, "%s %s\n", clock(ln.at), ln.text)
	}
	err = s.end(ctx, &out, incidents)
	return out.String(), err
}

// end is what the world looks like in the end.
func (s *story) end(ctx context.Context, out *strings.Builder, incidents []ledger.Incident) error {
	for _, inc := range slices.Backward(incidents) {
		fmt.Fprintf(out, "end: %s %s\n", inc.Target, cmp.Or(string(inc.End), "open at "+string(inc.Step)))
	}
	for _, name := range s.world.applications() {
		fmt.Fprintf(out, "runs: %s\n", strings.Join(s.world.Argo.Runs(s.world.Metrics.app(name)), ", "))
	}
	for _, service := range slices.Sorted(maps.Keys(s.world.policy.Services)) {
		for _, key := range slices.Sorted(maps.Keys(s.world.policy.Services[service].Flags)) {
			fmt.Fprintf(out, "flag: %s %s\n", key, s.world.Flags.variant(key))
		}
	}
	quarantines, err := s.world.Ledger.Quarantines(ctx)
	if err != nil {
		return err
	}
	for _, q := range quarantines {
		fmt.Fprintf(out, "quarantined: %s at %s\n", q.Label, q.Target)
	}
	holds, err := s.world.Ledger.Holds(ctx)
	if err != nil {
		return err
	}
	for _, h := range holds {
		fmt.Fprintf(out, "held: auto-sync of %s\n", h.Target)
	}
	messages, err := s.world.Ledger.Outbox(ctx)
	if err != nil {
		return err
	}
	for _, m := range messages {
		fmt.Fprintf(out, "told: %s %s\n", m.Urgency, m.Title)
	}
	for _, change := range s.world.Argo.Landed() {
		fmt.Fprintf(out, "landed: %s\n", change)
	}
	return nil
}
