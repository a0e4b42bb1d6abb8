package flag_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cinegit/guardian/internal/flag"
)

func TestATurnIsTakenByOneAtATime(t *testing.T) {
	turn := flag.NewTurn()
	done, err := turn.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turn.Take(ended); !errors.Is(err, flag.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("error of a second turn is %v", err)
	}
	done()
	if done, err = turn.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	done()
}
