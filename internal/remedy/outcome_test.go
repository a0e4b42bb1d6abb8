package remedy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// serving is a store of flags that answers as the test says what applications get.
type serving struct {
	remedy.Flags
	variant string
	err     error
}

func (s *serving) Serving(context.Context, string) (string, error) { return s.variant, s.err }

func TestAFlagIsWaitedForTheSettleTimeLongAndThenItCountsWhatApplicationsGet(t *testing.T) {
	for name, tt := range map[string]struct {
		variant string
		err     error
		next    ledger.Step
		says    string
	}{
		"another variant":      {"on", nil, remedy.StepLook, "it still serves on after 2m"},
		"nobody to ask":        {"", flag.ErrUnavailable, ledger.StepVerify, "nobody could be asked what it serves"},
		"an answer of no use":  {"", flag.ErrInvalid, remedy.StepLook, "what it serves could not be told within 2m"},
		"an error and the one": {"off", errors.New("half an answer"), remedy.StepLook, "could not be told"},
	} {
		s := upToFlag(t, ledger.StepSettle)
		s.Flow.Flags = &serving{s.Flow.Flags, tt.variant, tt.err}
		begun := s.at
		for _, after := range []time.Duration{0, 2 * time.Minute} {
			s.at = begun.Add(after)
			if a := s.step(t); a.Next != ledger.StepSettle || a.Wait != 1 || a.Hand != remedy.HandFlag {
				t.Errorf("%s, after %s: %+v", name, after, a)
			}
		}
		s.at = begun.Add(2*time.Minute + time.Second)
		if a := s.step(t); a.Next != tt.next || s.told(t, tt.says) != 1 {
			t.Errorf("%s: %+v\n%s", name, a, timeline(t, s.World, s.id))
		}
	}
}

// upToFlag gives a world with a bad flag whose incident has come to a step.
func upToFlag(t *testing.T, step ledger.Step) *stepped {
	t.Helper()
	w := newWorld(t, rules{})
	w.Argo.Ship(app(), "v41", "ci")
	w.Until(t.Context(), minutes(7))
	w.Metrics.Breaks["new-ranking=on"] = 0.3
	must(t, w.Flags.Set("new-ranking", "on"))
	w.Until(t.Context(), minutes(8.2))
	return walk(t, w, step)
}

// seeing is an Argo CD of which the test changes what it shows.
type seeing struct {
	remedy.Deployer
	change func(a *deploy.Application)
}

func (d seeing) Application(ctx context.Context, ref deploy.Ref) (deploy.Application, error) {
	a, err := d.Deployer.Application(ctx, ref)
	d.change(&a)
	return a, err
}

func TestARollbackIsWaitedForTheSettleTimeLong(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(s *stepped)
		says  string
	}{
		"Argo CD is down": {func(s *stepped) { s.Argo.Down(true) }, "Argo CD could not be asked whether it is live"},
		"it progresses": {func(s *stepped) {
			s.Flow.Deployer = seeing{s.Flow.Deployer, func(a *deploy.Application) { a.Health = "Progressing" }}
		}, "it was not live within 2m"},
	} {
		s := upTo(t, ledger.StepSettle, rules{}, app())
		begun := s.at
		tt.spoil(s)
		for _, after := range []time.Duration{time.Second, 2 * time.Minute} {
			s.at = begun.Add(after)
			if a := s.step(t); a.Next != ledger.StepSettle || a.Wait < 1 || a.Wait > 2 {
				t.Errorf("%s, after %s: %+v", name, after, a)
			}
		}
		s.at = begun.Add(2*time.Minute + time.Second)
		if a := s.step(t); a.Next != remedy.StepLook || s.told(t, tt.says) != 1 {
			t.Errorf("%s: %+v\n%s", name, a, timeline(t, s.World, s.id))
		}
	}
}

// running gives a world whose rollback Argo CD has taken up.
func running(t *testing.T) *stepped {
	t.Helper()
	s := upTo(t, ledger.StepSettle, rules{}, app())
	s.Until(t.Context(), minutes(8)+10*time.Second)
	s.at = s.Now()
	return s
}

func TestARollbackThatFailsIsGivenUpAtOnce(t *testing.T) {
	s := running(t)
	s.Flow.Deployer = seeing{s.Flow.Deployer, func(a *deploy.Application) {
		a.Operation.Phase, a.Operation.Message = deploy.PhaseFailed, "hook failed"
	}}
	if a := s.step(t); a.Next != remedy.StepLook || s.told(t, "the rollback failed: operation Failed: hook failed") != 1 {
		t.Errorf("%+v\n%s", a, timeline(t, s.World, s.id))
	}
}

func TestARollbackThatAWindowHeldBackAndThatIsTerminatedLeavesNothingBehind(t *testing.T) {
	s := running(t)
	phase := deploy.PhaseRunning
	s.Flow.Deployer = seeing{s.Flow.Deployer, func(a *deploy.Application) {
		a.Operation.Phase, a.Operation.Message, a.History = phase, deploy.BlockedByWindow, a.History[:2]
	}}
	if a := s.step(t); a.Next != ledger.StepSettle || s.told(t, "about to terminate the rollback") != 1 {
		t.Fatalf("while it is held back: %+v\n%s", a, timeline(t, s.World, s.id))
	}
	phase = deploy.PhaseFailed
	if a := s.step(t); a.Next != remedy.StepLook || s.told(t, "open the window, or set manualSync on it") != 1 {
		t.Errorf("terminated: %+v\n%s", a, timeline(t, s.World, s.id))
	}
	for _, e := range s.incident(t).Effects {
		if e.UndoneAt.IsZero() || e.UndoneBy != "Guardian" {
			t.Errorf("effect %s stands: %+v", e.Kind, e)
		}
	}
	quarantines, err := s.Ledger.Quarantines(t.Context())
	must(t, err)
	last, err := s.Ledger.LastRevert(t.Context(), review())
	must(t, err)
	if len(quarantines) != 0 || last.To != "" {
		t.Errorf("left behind: %+v, %+v", quarantines, last)
	}
}

func TestVerificationBeginsAnewWhenARemedyIsLive(t *testing.T) {
	s := running(t)
	if a := s.step(t); a.Next != ledger.StepVerify {
		t.Fatalf("%+v\n%s", a, timeline(t, s.World, s.id))
	}
	inc := s.incident(t)
	if !inc.Judgement.Since.Equal(s.at) || !inc.SettledAt.Equal(s.at) || inc.Judgement.Looks != 0 || !inc.HeldSince.IsZero() {
		t.Errorf("%+v, settled at %s", inc.Judgement, inc.SettledAt)
	}
}

// verifying gives a world whose remedy is live, and when that was.
func verifying(t *testing.T, r rules) (*stepped, time.Time) {
	t.Helper()
	s := upTo(t, ledger.StepSettle, r, app())
	s.Until(t.Context(), minutes(8)+10*time.Second)
	s.at = s.Now()
	s.step(t)
	return s, s.at
}

func TestWithoutAMeasurementAVerificationWaitsTellsOnceAndEndsDirtyAtItsTime(t *testing.T) {
	s, live := verifying(t, rules{})
	s.Metrics.Silent = true
	held := func() (n int) {
		messages, err := s.Ledger.Outbox(t.Context())
		must(t, err)
		for _, m := range messages {
			n += strings.Count(m.ID, "-held-verify")
		}
		return n
	}
	for _, look := range []struct {
		after time.Duration
		held  int
	}{
		{15 * time.Second, 0}, {4*time.Minute - 15*time.Second, 0}, {4 * time.Minute, 1}, {5 * time.Minute, 1}, {24*time.Minute - 15*time.Second, 1},
	} {
		s.at = live.Add(look.after)
		if a := s.step(t); a.Next != ledger.StepVerify || a.Wait < 1 || held() != look.held || s.told(t, "verification goes on") != look.held {
			t.Errorf("after %s: %+v, held %d times\n%s", look.after, a, held(), timeline(t, s.World, s.id))
		}
	}
	if since := s.incident(t).HeldSince; !since.Equal(live.Add(4 * time.Minute)) {
		t.Errorf("held since %s", since)
	}
	if n := s.told(t, "first look"); n != 0 {
		t.Errorf("a look that found nothing is told %d times", n)
	}
	s.at = live.Add(24 * time.Minute)
	if a := s.step(t); a.End != ledger.FailedDirty {
		t.Fatalf("at its time: %+v\n%s", a, timeline(t, s.World, s.id))
	}
	if inc := s.incident(t); inc.Plan[inc.Current].Outcome != "whether it helped could not be measured" {
		t.Errorf("its outcome is %q", inc.Plan[inc.Current].Outcome)
	}
}

func TestAtItsTimeTheLastLookDecidesAndNotBefore(t *testing.T) {
	slow := rules{gates: "  slow:\n    query: ratio{service=\"$service\",stage=\"$stage\"}\n    failureCondition: result > 0.05\n    failureLimit: 100\n", verify: ", gates: [slow]"}
	s, live := verifying(t, slow)
	s.Metrics.Breaks["v41"] = 0.2 // the release gone back to is no better
	s.at = live.Add(15 * time.Second)
	for s.at.Before(live.Add(4 * time.Minute)) {
		if a := s.step(t); a.Next != ledger.StepVerify {
			t.Fatalf("after %s: %+v", s.at.Sub(live), a)
		}
		s.at = s.at.Add(15 * time.Second)
	}
	if n := s.told(t, "first look"); n != 1 {
		t.Errorf("the first look is told %d times", n)
	}
	if a := s.step(t); a.Next != remedy.StepLook || s.told(t, "not healed") != 1 || s.told(t, "it did not help") != 0 {
		t.Errorf("after %s: %+v\n%s", s.at.Sub(live), a, timeline(t, s.World, s.id))
	}
	if a := s.step(t); a.Next != ledger.StepChoose || s.told(t, "it did not help") != 1 {
		t.Errorf("on fresh facts: %+v\n%s", a, timeline(t, s.World, s.id))
	}
}

func TestAHealedIncidentSaysOfItsRemedyThatItHelped(t *testing.T) {
	s, live := verifying(t, rules{})
	for range 4 {
		s.at = s.at.Add(15 * time.Second)
		if a := s.step(t); a.End == "" {
			continue
		}
		inc := s.incident(t)
		if inc.End != ledger.Healed || inc.Plan[inc.Current].Outcome != "it helped" || s.told(t, "healed: errors:") != 1 {
			t.Errorf("%s after it was live: %s, %+v\n%s", s.at.Sub(live), inc.End, inc.Plan, timeline(t, s.World, s.id))
		}
		return
	}
	t.Errorf("it is not healed:\n%s", timeline(t, s.World, s.id))
}

func TestAnImageThatStaysBesideARollbackHoldsItUpForTheSettleTimeAndNoLonger(t *testing.T) {
	s := running(t)
	s.Flow.Deployer = seeing{s.Flow.Deployer, func(a *deploy.Application) { a.Images = append(a.Images, "registry.example/job:v1") }}
	begun := s.incident(t).ActedAt
	for _, after := range []time.Duration{20 * time.Second, 2 * time.Minute} {
		s.at = begun.Add(after)
		if a := s.step(t); a.Next != ledger.StepSettle {
			t.Errorf("after %s: %+v\n%s", after, a, timeline(t, s.World, s.id))
		}
	}
	s.at = begun.Add(2*time.Minute + time.Second)
	if a := s.step(t); a.Next != ledger.StepVerify || s.told(t, "registry.example/job:v1 beside it") != 1 {
		t.Errorf("%+v\n%s", a, timeline(t, s.World, s.id))
	}
}

func TestAFlagThatIsPutToSafeElsewhereIsWaitedForAndNotUndone(t *testing.T) {
	s := upToFlag(t, ledger.StepAct)
	must(t, s.Flags.Set("new-ranking", "off"))
	for range 6 {
		a := s.step(t)
		if s.at = s.at.Add(15 * time.Second); a.End != "" {
			break
		}
	}
	inc := wantEnd(t, s.World, ledger.Healed, "flag new-ranking was put to its safe variant off elsewhere")
	if len(inc.Effects) != 0 || s.Flags.Kills != 0 {
		t.Errorf("%d writes: %+v", s.Flags.Kills, inc.Effects)
	}
	if _, err := s.Flow.Undo(t.Context(), s.id, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) {
		t.Errorf("undone: %v", err)
	}
}
