package backtest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/policy"
)

// told are the mistakes in an error, each as line:column: problem.
func told(t *testing.T, err error) string {
	t.Helper()
	var mistakes policy.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		t.Fatalf("no mistakes: %v", err)
	}
	var lines []string
	for _, m := range mistakes {
		first, _, _ := strings.Cut(m.Error(), "\n")
		lines = append(lines, strings.TrimPrefix(first, "list.yaml:"))
		if m.Fix == "" {
			t.Errorf("no fix for %s", first)
		}
	}
	return strings.Join(lines, "\n")
}

func TestReleasesAndIncidentsAreRead(t *testing.T) {
	p := parsed(t, onePolicy)
	releases, err := backtest.Releases("list.yaml", []byte("# since August\n"+
		"- {service: review, stage: prod, release: 1.10, at: 2026-08-01T12:00:00+02:00}\n"+
		"- service: review\n  stage: 'prod'\n  release: \"v2: final\"\n  at: 2026-08-02\n"), p)
	want := []backtest.Release{
		{Target: prod("review"), Release: "1.10", At: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)},
		{Target: prod("review"), Release: "v2: final", At: time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, releases); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	incidents, err := backtest.Incidents("list.yaml", []byte(`[{"service":"review","stage":"prod","from":"2026-08-01","to":"2026-08-02T00:00:00Z"}]`), p)
	if err != nil || len(incidents) != 1 || incidents[0].To.Sub(incidents[0].From) != 24*time.Hour {
		t.Errorf("%v, %+v", err, incidents)
	}
	none, err := backtest.Incidents("list.yaml", []byte("[]"), p)
	if err != nil || none == nil || len(none) != 0 {
		t.Errorf("no incident: %v, %v", none, err)
	}
}

func TestEveryMistakeInAListIsToldAtOnce(t *testing.T) {
	p := parsed(t, onePolicy)
	_, err := backtest.Releases("list.yaml", []byte(`- {service: review, stage: prod, release: v1, at: 2026-08-01}
- {service: review, stage: prod, release: v2, at: 2026-08-01}
- {service: revue, stage: prod, release: v1, at: 2026-08-01}
- {service: review, stage: production, release: v1, at: 2026-08-01}
- {service: review, stage: prod, release: v1, at: yesterday, note: x}
- {service: review, stage: prod, at: 2026-08-01T12:00:00}
- {service: review, stage: prod, release: [v1], at: 1026-08-01}
- {service: review, service: review, stage: prod, release: ~, at: 2026-08-03}
- just a text
`), p)
	if diff := cmp.Diff(strings.Join([]string{
		"2:4: review/prod stands here a second time with the same at",
		`3:13: the policy knows no service "revue"`,
		`4:28: service review has no stage "production"`,
		`5:51: at: "yesterday" is neither a date nor a time with its zone`,
		"5:62: unknown field note",
		"6:4: the entry has no release",
		`6:38: at: "2026-08-01T12:00:00" is neither a date nor a time with its zone`,
		"7:34: release is not a plain text",
		`7:53: at: "1026-08-01" is not in this century or the next`,
		"8:21: service stands here a second time",
		"8:51: release is empty",
		"9:3: the entry has no fields",
	}, "\n"), told(t, err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = backtest.Incidents("list.yaml", []byte(`- {service: review, stage: prod, from: 2026-08-02, to: 2026-08-01}
- {service: review, stage: prod, from: 2026-08-05, to: 2026-08-06}
- {service: review, stage: prod, from: 2026-08-05, to: 2026-08-07}
`), p)
	if diff := cmp.Diff("1:56: the incident ends before it begins\n3:4: review/prod stands here a second time with the same from", told(t, err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsNoListIsToldSo(t *testing.T) {
	p := parsed(t, onePolicy)
	for text, want := range map[string]string{
		"":                           "1:1: the file is empty",
		"# nothing\n":                "1:1: the file is empty",
		"releases: []":               "1:9: the file is not a list",
		"- {service: review":         "not valid YAML",
		"\xff\xfe":                   "1:1: the file is not text in UTF-8",
		strings.Repeat("[", 1000):    "1:9: the list is nested too deep here",
		strings.Repeat("- ", 1000):   "1:17: the list is nested too deep here",
		strings.Repeat("- x\n", 500): "(and 400 more mistakes after this one)",
	} {
		_, err := backtest.Releases("list.yaml", []byte(text), p)
		if got := told(t, err); !strings.Contains(got, want) {
			t.Errorf("%.40q: got %s, want %s", text, got, want)
		}
	}
	if _, err := backtest.ReadReleases(filepath.Join(t.TempDir(), "nosuch.yaml"), p); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func FuzzAListIsReadOrItsMistakesAreTold(f *testing.F) {
	for _, seed := range []string{
		"- {service: review, stage: prod, release: v1, at: 2026-08-01T12:00:00Z}\n", "- service: review\n  stage: prod\n  from: 2026-08-01\n  to: 2026-08-02\n",
		"[]", "- &a {service: *a}\n", "- !!str x\n", "- {<<: {service: x}}\n", "- |\n x\n", "? a\n", "---\n- x\n---\n- y\n", "- {service: review, stage: prod, release: .inf, at: 0x10}\n",
	} {
		f.Add(seed)
	}
	p, err := policy.Parse("guardian.yaml", []byte(onePolicy))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		releases, err := backtest.Releases("list.yaml", []byte(text), p)
		_ = told(t, err)
		for _, r := range releases {
			if err == nil && (r.Target != prod("review") || r.At.IsZero() || r.Release == "") {
				t.Errorf("taken: %+v", r)
			}
		}
		incidents, err := backtest.Incidents("list.yaml", []byte(text), p)
		_ = told(t, err)
		for _, i := range incidents {
			if err == nil && (i.Target != prod("review") || !i.To.After(i.From)) {
				t.Errorf("taken: %+v", i)
			}
		}
	})
}
