package launchdarkly

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// Kill makes every caller get the safe variant: targeting is turned off, and the safe variation is
// what is served then. A flag that is so already, also because an earlier Kill of the same before
// made it so, is given back without a write.
func (s *Store) Kill(ctx context.Context, before flag.Definition, safe string) (flag.Definition, error) {
	written, err := s.kill(ctx, before, safe)
	if err != nil {
		return flag.Definition{}, fmt.Errorf("kill flag %s: %w", before.Key, err)
	}
	return written.definition()
}

func (s *Store) kill(ctx context.Context, before flag.Definition, safe string) (found, error) {
	done, err := s.turn.Take(ctx)
	if err != nil {
		return found{}, err
	}
	defer done()
	now, err := s.read(ctx, before.Key)
	if err != nil {
		return found{}, err
	}
	was, err := decode(before)
	if err != nil {
		return found{}, err
	}
	wanted, err := was.killed(before.Key, safe)
	switch {
	case err != nil:
		return found{}, err
	case now.same(wanted), now.same(was) && before.Safe(safe):
		return now, nil
	case !now.same(was):
		return found{}, flag.ErrConflict
	}
	return s.change(ctx, now, wanted)
}

// Restore puts before back, if the flag is still as written says. A flag that is as before already
// is left alone.
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
	now, err := s.read(ctx, before.Key)
	if err != nil || now.same(was) {
		return err
	}
	// Beyond the two members that a kill writes, nothing is put back.
	ours := made
	ours.On, ours.OffVariation = was.On, was.OffVariation
	if !now.same(made) || !ours.same(was) {
		return flag.ErrConflict
	}
	_, err = s.change(ctx, now, was)
	return err
}

// change turns a flag into one with other targeting or another off variation, and sees that nothing
// else was changed at the same moment.
func (s *Store) change(ctx context.Context, from found, to feature) (found, error) {
	call := flagapi.Call{Method: http.MethodPatch, Path: []string{"api", "v2", "flags", s.project, from.key}}
	if sameOff(from.feature, to) {
		call.ContentType, call.In = semanticType, turn(to.On, s.environment)
	} else {
		call.In = rewrite(from, to, s.environment)
	}
	refused := s.client.Do(ctx, call)
	if errors.Is(refused, flag.ErrUnavailable) || errors.Is(refused, flag.ErrDenied) {
		return found{}, fmt.Errorf("patch flag %s in %s: %w", from.key, s.name(), refused)
	}
	now, err := s.read(context.WithoutCancel(ctx), from.key)
	switch {
	case err != nil && refused == nil:
		return found{}, fmt.Errorf("written, but cannot be read back: %w", err)
	case err != nil:
		return found{}, err
	case refused != nil && now.version == from.version: // nobody was in between: it is the patch itself
		return found{}, fmt.Errorf("patch flag %s in %s: %w", from.key, s.name(), refused)
	case refused != nil, !now.same(to):
		return found{}, fmt.Errorf("%w: somebody changed it at the same moment", flag.ErrConflict)
	}
	return now, nil
}
