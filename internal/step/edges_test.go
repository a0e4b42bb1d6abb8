package step_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/step"
)

func TestOnlyAWaitOfMomentsIsWaitedInPlace(t *testing.T) {
	for wait, stays := range map[int]bool{0: false, 1: true, 2: true, 3: false} {
		synctest.Test(t, func(t *testing.T) {
			s := steps(t, new([]string))
			s.Stay = 10 * time.Second
			s.Flow = func(_ context.Context, task remedy.Task) (remedy.Answer, error) {
				return remedy.Answer{ID: task.ID, Next: task.Step, Wait: wait}, nil
			}
			start := time.Now()
			if _, err := s.Run(t.Context(), json.RawMessage(`{"id":"i","step":"settle"}`)); err != nil || (time.Since(start) > 0) != stays {
				t.Errorf("a wait of %d s: %s, %v", wait, time.Since(start), err)
			}
		})
	}
}

func TestALookThatCannotReadSaysSoInTheLogAndOneThatCanSaysNothing(t *testing.T) {
	for _, down := range []error{nil, errors.New("out of reach")} {
		var log bytes.Buffer
		s := steps(t, new([]string))
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		s.Look = func(context.Context, ledger.Target) error { return down }
		if _, err := s.Run(t.Context(), json.RawMessage(`{"id":"i","step":"look"}`)); err != nil {
			t.Error(err)
		}
		if said := log.String(); (down != nil) != strings.Contains(said, "out of reach") || (down != nil) != strings.Contains(said, "review/prod") {
			t.Errorf("%v: the log says %q", down, said)
		}
	}
}

func TestAnErrorOfTheLedgerIsToBeTriedAgain(t *testing.T) {
	s := steps(t, new([]string))
	s.Flow = func(context.Context, remedy.Task) (remedy.Answer, error) {
		return remedy.Answer{}, memledger.ErrInjected
	}
	out, err := s.Run(t.Context(), json.RawMessage(`{"id":"i","step":"verify"}`))
	if out != nil || !errors.Is(err, memledger.ErrInjected) || step.Name(err) != step.Transient {
		t.Errorf("%s, %v", out, err)
	}
}
