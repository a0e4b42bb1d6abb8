package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/health"
)

func sweep(t *testing.T, text string) backtest.Sweep {
	t.Helper()
	s, err := backtest.ParseSweep(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettingsThatAskTheSameShareTheirQuestions(t *testing.T) {
	o := day(t)
	plain := &counted{Querier: o.Metrics}
	o.Metrics = plain
	run(t, o)
	swept := &counted{Querier: plain.Querier}
	o.Metrics = swept
	o.Sweeps = []backtest.Sweep{
		sweep(t, "tolerance=10%,25%,5000%"), sweep(t, "alpha=1%,5%"), sweep(t, "max=2%,50%"), sweep(t, "min=0.1%"),
		sweep(t, "failureLimit=0,2"), sweep(t, "minSampleCount=30"),
	}
	r := run(t, o)
	if plain.asked == 0 || swept.asked != plain.asked {
		t.Errorf("%d questions for %d settings, %d for one", swept.asked, len(r.Settings), plain.asked)
	}
	if len(r.Settings) != 25 || len(r.Scores) != 25 {
		t.Errorf("%d settings, %d scores", len(r.Settings), len(r.Scores))
	}
	deaf := by(t, r, backtest.ByGate, "errors", "tolerance 5000%, alpha 5%, max 50%, min 0.1%, failureLimit 2, minSampleCount 30")
	if deaf.Reverted != 0 || *deaf.Missed != 1 {
		t.Errorf("nothing is told at fifty times: %+v", deaf)
	}
	strict := by(t, r, backtest.ByGate, "errors", "tolerance 5000%, alpha 5%, max 2%, min 0.1%, failureLimit 2, minSampleCount 30")
	if strict.Reverted != 1 || *strict.Missed != 0 {
		t.Errorf("a maximum of 2%%: %+v", strict)
	}
	if own := by(t, r, backtest.ByGate, "errors", backtest.AsInPolicy); own.Reverted != 1 || *own.False != 0 {
		t.Errorf("the policy's own: %+v", own)
	}
}

func TestAnotherWindowAsksAnew(t *testing.T) {
	o := day(t)
	metrics := &counted{Querier: o.Metrics}
	o.Metrics = metrics
	run(t, o)
	once := metrics.asked
	o.Sweeps = []backtest.Sweep{sweep(t, "window=2m,5m")}
	r := run(t, o)
	if asked := metrics.asked - once; asked <= once || len(r.Scores) != 3 {
		t.Errorf("%d questions for three windows, %d for one; %d scores", asked, once, len(r.Scores))
	}
}

// equal compares what two runs found.
func equal(t *testing.T, want, got backtest.Report) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(backtest.Report{}, "Resumed"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARunThatWasStoppedGoesOnWhereItEnded(t *testing.T) {
	o := day(t)
	for i := range 12 { // a dozen more, between the first and the second
		o.Releases = append(o.Releases, release("review", fmt.Sprint("w", i), 2*hour+30*time.Minute+time.Duration(i)*time.Minute))
	}
	want := run(t, o)
	whole := &counted{Querier: o.Metrics}
	o.Metrics = whole
	run(t, o)

	o.Dir = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	stopped := &counted{Querier: whole.Querier, before: func(n int) error {
		if n == whole.asked/2 {
			cancel()
		}
		return nil
	}}
	o.Metrics = stopped
	part, err := backtest.Run(ctx, o)
	if !errors.Is(err, context.Canceled) || part.Releases == 0 || part.Left == 0 || part.Releases+part.Left != 15 {
		t.Fatalf("stopped: %v, %d judged, %d left", err, part.Releases, part.Left)
	}
	tear(t, o.Dir)

	rest := &counted{Querier: whole.Querier}
	o.Metrics = rest
	got := run(t, o)
	equal(t, want, got)
	if got.Resumed != part.Releases || rest.asked >= whole.asked {
		t.Errorf("%d taken up of %d, %d questions of %d", got.Resumed, part.Releases, rest.asked, whole.asked)
	}
	rest.asked = 0
	again := run(t, o)
	equal(t, want, again)
	if again.Resumed != 15 || rest.asked != 0 {
		t.Errorf("the third run took %d up and asked %d questions", again.Resumed, rest.asked)
	}
}

// tear adds half a line, as a run that is killed may leave.
func tear(t *testing.T, dir string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, "progress.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"key":"abc","judged":{"outc`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsKeptHoldsForTheSameQuestionOnly(t *testing.T) {
	o := day(t)
	o.Dir = t.TempDir()
	run(t, o)
	for name, change := range map[string]func(*backtest.Options){
		"another gate":       func(o *backtest.Options) { o.Policy = parsed(t, strings.Replace(onePolicy, "25%", "30%", 1)) },
		"another bake":       func(o *backtest.Options) { o.Policy = parsed(t, strings.Replace(onePolicy, "30m", "29m", 1)) },
		"another setting":    func(o *backtest.Options) { o.Sweeps = []backtest.Sweep{sweep(t, "tolerance=40%")} },
		"another Prometheus": func(o *backtest.Options) { o.Source = "elsewhere" },
		"another program":    func(o *backtest.Options) { o.Version = "v2" },
	} {
		changed := o
		change(&changed)
		if r := run(t, changed); r.Resumed != 0 {
			t.Errorf("%s: %d releases are taken up", name, r.Resumed)
		}
	}
	o.Incidents = []backtest.Incident{incident("review", 2*hour+time.Minute, 3*hour)}
	r := run(t, o)
	if got := of(t, r, "v1").Verdict; r.Resumed != 3 || got != backtest.Missed {
		t.Errorf("other incidents: %d taken up, v1 is %s", r.Resumed, got)
	}
}

func TestAPrometheusThatGoesAwayCostsItsReleasesAndNotTheRun(t *testing.T) {
	o := day(t)
	metrics := o.Metrics
	o.Dir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o.Metrics = &counted{Querier: metrics, before: func(n int) error {
			if n > 12 {
				return errors.New("connection refused")
			}
			return nil
		}}
		r := run(t, o)
		if r.Errors == 0 || r.Releases != 3 {
			t.Fatalf("%d errors, %d releases", r.Errors, r.Releases)
		}
		s := by(t, r, backtest.ByGate, "errors", backtest.AsInPolicy)
		if s.Errors != r.Errors || s.Judged+s.Errors != 3 || s.NoData != 0 {
			t.Errorf("the score is %+v", s)
		}
	})
	o.Metrics = metrics
	r := run(t, o)
	if r.Errors != 0 || of(t, r, "v2").Verdict != backtest.Caught {
		t.Errorf("when it is back: %d errors, v2 is %s", r.Errors, of(t, r, "v2").Verdict)
	}
}

func TestAQuestionThatFailsIsAskedAgainAndARefusedOneIsNot(t *testing.T) {
	o := day(t)
	metrics := o.Metrics
	synctest.Test(t, func(t *testing.T) {
		shaky := &counted{Querier: metrics, before: func(n int) error {
			if n <= 2 {
				return context.DeadlineExceeded
			}
			return nil
		}}
		o.Metrics = shaky
		o.Releases = o.Releases[:1]
		if r := run(t, o); r.Errors != 0 {
			t.Errorf("%d errors: %+v", r.Errors, r.Results)
		}
		refused := &counted{Querier: metrics, before: func(int) error { return fmt.Errorf("%w: unknown function", health.ErrQuery) }}
		o.Metrics = refused
		r := run(t, o)
		if r.Errors != 1 || !strings.Contains(r.Results[0].Headline.Reason, "unknown function") || refused.asked > 3 {
			t.Errorf("refused: %d questions, %+v", refused.asked, r.Results[0].Headline)
		}
	})
}

func TestAPrometheusThatIsGoneIsNotAskedForever(t *testing.T) {
	o := day(t)
	o.Releases = nil
	for i := range 200 {
		o.Releases = append(o.Releases, release("review", fmt.Sprint("v", i), time.Duration(i)*time.Minute))
	}
	synctest.Test(t, func(t *testing.T) {
		gone := &counted{Querier: o.Metrics, before: func(int) error { return errors.New("connection refused") }}
		o.Metrics = gone
		began := time.Now()
		r := run(t, o)
		if r.Errors != 200 || gone.asked > 300 {
			t.Errorf("%d errors after %d questions", r.Errors, gone.asked)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestARunWithoutReleasesSaysSo(t *testing.T) {
	o := day(t)
	o.From, o.To = at(10*hour), at(12*hour)
	if _, err := backtest.Run(t.Context(), o); !errors.Is(err, backtest.ErrNothing) {
		t.Errorf("got %v", err)
	}
	o = day(t)
	o.Sweeps = []backtest.Sweep{sweep(t, "alpha=1%"), sweep(t, "alpha=2%")}
	if _, err := backtest.Run(t.Context(), o); !errors.Is(err, backtest.ErrOptions) {
		t.Errorf("got %v", err)
	}
}

func TestProgressIsToldAfterEveryRelease(t *testing.T) {
	o := day(t)
	var told []int
	o.Progress = func(done, all int) {
		if all != 3 {
			t.Errorf("%d of %d", done, all)
		}
		told = append(told, done)
	}
	run(t, o)
	if diff := cmp.Diff([]int{1, 2, 3}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
