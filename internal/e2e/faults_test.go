//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/ledger"
)

// inTrouble waits until the incident tells of a call that failed.
func (s *stack) inTrouble(t *testing.T) {
	t.Helper()
	s.wait(t, "the incident tells of trouble", func(ctx context.Context) error {
		explained, err := s.guardian.client.Explain(ctx, "last")
		if err != nil || !slices.ContainsFunc(explained.Events, func(e ledger.Event) bool { return e.Kind == ledger.EventTrouble }) {
			return errors.Join(err, fmt.Errorf("it tells %d other things", len(explained.Events)))
		}
		return nil
	})
}

// argocdDown: Argo CD cannot be reached when the alert comes.
func argocdDown(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.inbox.onFirst(func() { s.proxy.setCut(true) })
	s.ship(t, "v2-broken")
	s.inTrouble(t)
	s.untouched(t, "v2-broken", 0, 1)
	s.proxy.setCut(false)
	s.ended(t, 1, ledger.Healed)
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
}

// answerLost: the rollback reaches Argo CD, its answer does not come back, and the line stays cut for a
// while.
func answerLost(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.proxy.onRollback(nil, func() bool {
		s.proxy.setCut(true)
		return false
	})
	s.ship(t, "v2-broken")
	s.inTrouble(t)
	s.proxy.setCut(false)
	s.ended(t, 1, ledger.Healed)
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
}

// killedBeforeEffect: Guardian dies when its decision is in the ledger and its call has not reached
// Argo CD.
func killedBeforeEffect(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	dead := make(chan struct{})
	s.proxy.onRollback(func() bool {
		s.guardian.process.Kill()
		close(dead)
		return false
	}, nil)
	s.ship(t, "v2-broken")
	s.waitFor(t, dead)
	s.untouched(t, "v2-broken", 0, 1)
	s.goesOn(t)
}

// killedAfterEffect: Guardian dies when Argo CD has taken the rollback and the ledger does not know it.
func killedAfterEffect(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	dead := make(chan struct{})
	s.proxy.onRollback(nil, func() bool {
		s.guardian.process.Kill()
		close(dead)
		return false
	})
	s.ship(t, "v2-broken")
	s.waitFor(t, dead)
	s.waitRuns(t, "v1") // Argo CD goes on by itself
	s.goesOn(t)
}

// goesOn starts Guardian again on its ledger: it ends what it had begun, and does nothing twice.
func (s *stack) goesOn(t *testing.T) {
	t.Helper()
	s.guardian.start(t)
	inc := s.ended(t, 1, ledger.Healed).Incident
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
	s.incidents(t, 1)
	if len(inc.Effects) != 1 || inc.Effects[0].Kind != ledger.EffectRollback {
		t.Errorf("effects are %+v, want the one rollback that was decided before the kill", inc.Effects)
	}
}

func (s *stack) waitFor(t *testing.T, done <-chan struct{}) {
	t.Helper()
	s.wait(t, "Guardian is killed", func(context.Context) error {
		select {
		case <-done:
			return nil
		default:
			return errors.New("it has not called for a rollback")
		}
	})
}

// tokenWithoutRight: Guardian may read and not act. It says so, and pages.
func tokenWithoutRight(t *testing.T, w *world) {
	s := w.stack(t, setup{reader: true})
	s.ship(t, "v2-broken")
	inc := s.ended(t, 1, ledger.FailedClean).Incident
	if !strings.Contains(strings.ToLower(inc.Reason), "denied") {
		t.Errorf("reason is %q, want it to say that Argo CD denied it", inc.Reason)
	}
	page := s.paged(t)
	if page.Incident != inc.ID || page.End != string(ledger.FailedClean) {
		t.Errorf("page is %+v, want it of incident %s as FailedClean", page, inc.ID)
	}
	app, err := s.argo.get(t.Context(), s.app)
	if err != nil || !slices.Equal(app.ids(), []int{0, 1}) {
		t.Errorf("history has ids %v, want 0 and 1 (%v)", app.ids(), err)
	}
}

// badFlag: the flag came last and is guilty: it goes to its safe variant, and the release stays.
func badFlag(t *testing.T, w *world) {
	s := w.stack(t, setup{flag: true, badFlag: true})
	s.ship(t, "v2")
	s.setFlag(t, "on")
	inc := s.ended(t, 1, ledger.Healed).Incident
	if variant, err := s.flagServes(); err != nil || variant != "off" {
		t.Errorf("flag serves %q, want off (%v)", variant, err)
	}
	s.untouched(t, "v2", 0, 1)

	if _, err := s.guardian.client.Undo(t.Context(), inc.ID, "try again"); err != nil {
		t.Fatal(err)
	}
	if variant, err := s.flagServes(); err != nil || variant != "on" {
		t.Errorf("after undo the flag serves %q, want on (%v)", variant, err)
	}
}

// flagThenRevert: the flag is the likelier and the cheaper, but it was the release.
func flagThenRevert(t *testing.T, w *world) {
	s := w.stack(t, setup{flag: true})
	s.rollOut(t, "v2-broken")
	s.waitRuns(t, "v2-broken")
	s.setFlag(t, "on")
	s.awake.Store(true)
	inc := s.ended(t, 1, ledger.Healed).Incident
	var done []ledger.EffectKind
	for _, e := range inc.Effects {
		done = append(done, e.Kind)
	}
	if want := []ledger.EffectKind{ledger.EffectFlag, ledger.EffectRollback}; !slices.Equal(done, want) {
		t.Errorf("effects are %v, want %v", done, want)
	}
	if variant, err := s.flagServes(); err != nil || variant != "off" {
		t.Errorf("flag serves %q, want off (%v)", variant, err)
	}
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
}
