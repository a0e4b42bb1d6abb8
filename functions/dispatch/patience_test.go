package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinegit/guardian/internal/dispatch"
)

func TestWhatPassesIsTriedAgainInPlaceAndNothingElseNorForEver(t *testing.T) {
	down := errors.New("down")
	for name, tt := range map[string]struct {
		fails int // tries that fail before one succeeds
		with  error
		left  time.Duration // of the function's time; 0: nobody bounds it
		tries int
		takes time.Duration
		want  error
	}{
		"handled at once":       {0, down, time.Minute, 1, 0, nil},
		"handled at the third":  {2, down, time.Minute, 3, 3 * time.Second, nil},
		"down":                  {1000, down, time.Minute, 5, 15 * time.Second, down},
		"down, and little time": {1000, down, 32 * time.Second, 2, time.Second, down},
		"down, and no time":     {1000, down, 30 * time.Second, 1, 0, down},
		"never to be handled":   {1000, fmt.Errorf("a: %w", dispatch.ErrUnprocessable), time.Minute, 1, 0, dispatch.ErrUnprocessable},
		"without a bound":       {1000, down, 0, 1, 0, down},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if tt.left > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.left)
				}
				defer cancel()
				tries, start := 0, time.Now()
				err := patiently(ctx, func() error {
					if tries++; tries <= tt.fails {
						return tt.with
					}
					return nil
				})
				if took := time.Since(start); tries != tt.tries || took != tt.takes || !errors.Is(err, tt.want) {
					t.Errorf("%d tries in %s: %v; want %d in %s: %v", tries, took, err, tt.tries, tt.takes, tt.want)
				}
			})
		})
	}
}
