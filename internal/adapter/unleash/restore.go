package unleash

import (
	"context"
	"fmt"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// Restore takes out what a Kill put in, if the flag is still as written says. A flag that is as
// before already is left alone.
func (s *Store) Restore(ctx context.Context, before, written flag.Definition) error {
	return flagapi.Restored(before.Key, s.restore(ctx, before, written))
}

func (s *Store) restore(ctx context.Context, before, written flag.Definition) error {
	done, err := s.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer done()
	was, err := decode(before)
	if err != nil {
		return err
	}
	made, err := decode(written)
	if err != nil {
		return err
	}
	now, err := s.api.feature(ctx, before.Key)
	if err != nil || now.same(was) {
		return err
	}
	rest, own := made.without(was)
	rest.Enabled = was.Enabled
	half := made
	half.Enabled = was.Enabled // an earlier restore switched it, and got no further
	if !rest.same(was) || !now.same(made) && !now.same(half) {
		return flag.ErrConflict
	}
	if err := s.takeOut(ctx, before.Key, own, now.Enabled, was.Enabled); err != nil {
		return err
	}
	now, err = s.api.feature(context.WithoutCancel(ctx), before.Key)
	if err == nil && !now.same(was) {
		err = fmt.Errorf("%w: somebody changed it at the same moment", flag.ErrConflict)
	}
	return err
}

// takeOut switches first: a flag that was off shall not be on without the strategy that made it safe.
func (s *Store) takeOut(ctx context.Context, key, own string, enabled, want bool) error {
	if enabled != want {
		if err := s.api.enable(ctx, key, want); err != nil {
			return err
		}
	}
	if own == "" {
		return nil
	}
	return s.api.removeStrategy(ctx, key, own)
}
