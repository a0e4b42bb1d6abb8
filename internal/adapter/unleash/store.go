package unleash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// Config says which flags a store keeps.
type Config struct {
	URL         string // of the server, without /api
	Project     string // ID
	Environment string // name
	HTTP        *http.Client
	Timeout     time.Duration // of one call; zero is httpclient.DefaultTimeout
	// Token is asked before every call for a token of the admin API.
	Token func(ctx context.Context) (string, error)
}

// Store keeps the flags of one project in one environment. It implements flag.Store.
type Store struct {
	api api
	// turn keeps our own changes apart. Those of another Guardian are noticed after the fact, as
	// anybody's are.
	turn flag.Turn
}

var _ flag.Store = (*Store)(nil)

// New makes a store. Nothing is read yet.
func New(c Config) *Store {
	client := flagapi.Client{URL: strings.TrimRight(c.URL, "/"), HTTP: c.HTTP, Timeout: c.Timeout, Token: c.Token}
	return &Store{api: api{client: client, project: c.Project, environment: c.Environment}, turn: flag.NewTurn()}
}

// Probe tells whether the server can be asked and has the project and the environment.
func (s *Store) Probe(ctx context.Context) error { return s.api.probe(ctx) }

// Flag reads one flag. Its Modified is when anybody last changed it in this environment, as far as
// the token may read Unleash's events.
func (s *Store) Flag(ctx context.Context, key string) (flag.Definition, error) {
	f, err := s.api.feature(ctx, key)
	if errors.Is(err, flag.ErrNotFound) {
		return flag.Definition{}, s.notFound(ctx, key)
	}
	if err != nil {
		return flag.Definition{}, err
	}
	return s.describe(ctx, key, f)
}

func (s *Store) describe(ctx context.Context, key string, f feature) (flag.Definition, error) {
	d, err := f.definition(key)
	if err != nil {
		return flag.Definition{}, err
	}
	if d.Modified, err = s.api.modified(ctx, key); err != nil {
		return flag.Definition{}, err
	}
	d.Version = version(d.Raw, d.Modified)
	return d, nil
}

// notFound tells a missing flag from a missing project, and names some flags that there are.
func (s *Store) notFound(ctx context.Context, key string) error {
	if err := s.api.probe(ctx); err != nil {
		return err
	}
	names, err := s.api.names(ctx)
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %q is not in %s, which has %s", flag.ErrNotFound, key, s.api.name(), flag.Listing(names))
}

// readers bounds how many flags All reads at once.
const readers = 4

// All reads every flag of the project, one by one.
func (s *Store) All(ctx context.Context) ([]flag.Definition, error) {
	if err := s.api.probe(ctx); err != nil {
		return nil, err
	}
	names, err := s.api.names(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	all := make([]flag.Definition, len(names))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(readers)
	for i, name := range names {
		work.Go(func() (err error) { all[i], err = s.Flag(ctx, name); return err })
	}
	return all, work.Wait()
}

// Kill makes every caller get the safe variant, by what change says. A flag that is so already, also
// because an earlier Kill of the same before made it so, is given back without a write.
func (s *Store) Kill(ctx context.Context, before flag.Definition, safe string) (flag.Definition, error) {
	written, err := s.kill(ctx, before, safe)
	if err != nil {
		return flag.Definition{}, fmt.Errorf("kill flag %s: %w", before.Key, err)
	}
	return written, nil
}

func (s *Store) kill(ctx context.Context, before flag.Definition, safe string) (flag.Definition, error) {
	done, err := s.turn.Take(ctx)
	if err != nil {
		return flag.Definition{}, err
	}
	defer done()
	now, err := s.Flag(ctx, before.Key)
	if err != nil || before.Safe(safe) && now.Same(before) {
		return now, err
	}
	was, err := decode(before)
	if err != nil {
		return flag.Definition{}, err
	}
	c, err := was.kill(before.Key, safe)
	if err != nil {
		return flag.Definition{}, err
	}
	is, err := decode(now)
	if err != nil {
		return flag.Definition{}, err
	}
	stage, own := c.stageOf(was, is)
	switch stage {
	case landed:
		return now, nil
	case foreign:
		return flag.Definition{}, flag.ErrConflict
	}
	return s.make(ctx, before.Key, c, was, own)
}

// make makes a change, and sees that it is all that was changed.
func (s *Store) make(ctx context.Context, key string, c change, was feature, own string) (flag.Definition, error) {
	if c.add != nil && own == "" {
		var err error
		if own, err = s.api.addStrategy(ctx, key, *c.add); err != nil {
			return flag.Definition{}, err
		}
	}
	if was.Enabled != c.enabled {
		if err := s.api.enable(ctx, key, c.enabled); err != nil {
			return flag.Definition{}, err
		}
	}
	ctx = context.WithoutCancel(ctx) // what was made is seen to its end
	is, err := s.api.feature(ctx, key)
	if err != nil {
		return flag.Definition{}, fmt.Errorf("written, but cannot be read back: %w", err)
	}
	if stage, _ := c.stageOf(was, is); stage == landed {
		return s.describe(ctx, key, is)
	}
	if err := s.withdraw(ctx, key, c, was, own); err != nil {
		return flag.Definition{}, fmt.Errorf("somebody changed it at the same moment, and our strategy %s stands: %w", own, err)
	}
	return flag.Definition{}, fmt.Errorf("%w: somebody changed it at the same moment", flag.ErrConflict)
}

// withdraw takes our strategy out again. A flag that was only switched off stays off: switching it on
// could undo what somebody else has just switched off.
func (s *Store) withdraw(ctx context.Context, key string, c change, was feature, own string) error {
	if c.add == nil {
		return nil
	}
	if !was.Enabled {
		if err := s.api.enable(ctx, key, false); err != nil {
			return err
		}
	}
	return s.api.removeStrategy(ctx, key, own)
}
