package launchdarkly

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// DefaultURL is LaunchDarkly's own, outside the EU and federal instances.
const DefaultURL = "https://app.launchdarkly.com"

// Config says which flags a store keeps.
type Config struct {
	URL         string // of the instance; empty is DefaultURL
	Project     string // key
	Environment string // key
	HTTP        *http.Client
	Timeout     time.Duration // of one call; zero is httpclient.DefaultTimeout
	// Token is asked before every call for an access token of the REST API.
	Token func(ctx context.Context) (string, error)
}

// Store keeps the flags of one project in one environment. It implements flag.Store.
type Store struct {
	client               flagapi.Client
	project, environment string
	turn                 flag.Turn
}

var _ flag.Store = (*Store)(nil)

// New makes a store. Nothing is read yet.
func New(c Config) *Store {
	if c.URL == "" {
		c.URL = DefaultURL
	}
	return &Store{
		client:  flagapi.Client{URL: strings.TrimRight(c.URL, "/"), HTTP: c.HTTP, Timeout: c.Timeout, Token: c.Token},
		project: c.Project, environment: c.Environment, turn: flag.NewTurn(),
	}
}

// name is what people call the flags of the store.
func (s *Store) name() string {
	return fmt.Sprintf("LaunchDarkly project %s, environment %s", s.project, s.environment)
}

// Probe tells whether LaunchDarkly can be asked and has the project and the environment.
func (s *Store) Probe(ctx context.Context) error {
	_, _, err := s.page(ctx, 0, 1)
	return err
}

// Flag reads one flag. Its Modified is when anybody last changed it in this environment.
func (s *Store) Flag(ctx context.Context, key string) (flag.Definition, error) {
	f, err := s.read(ctx, key)
	if err != nil {
		return flag.Definition{}, err
	}
	return f.definition()
}

func (s *Store) read(ctx context.Context, key string) (found, error) {
	var r representation
	err := s.client.Do(ctx, flagapi.Call{
		Method: http.MethodGet, Path: []string{"api", "v2", "flags", s.project, key},
		Query: url.Values{"env": {s.environment}}, Out: &r,
	})
	if errors.Is(err, flag.ErrNotFound) {
		return found{}, s.notFound(ctx, key)
	}
	if err != nil {
		return found{}, fmt.Errorf("read flag %s in %s: %w", key, s.name(), err)
	}
	return r.in(s.environment)
}

// notFound tells a missing flag from a missing project, and names some flags that there are.
func (s *Store) notFound(ctx context.Context, key string) error {
	some, total, err := s.page(ctx, 0, pageSize)
	if err != nil {
		return err
	}
	names := make([]string, 0, total)
	for _, f := range some {
		names = append(names, f.key)
	}
	return fmt.Errorf("%w: %q is not in %s, which has %s", flag.ErrNotFound, key, s.name(), flag.Listing(names))
}

// pageSize is how many flags LaunchDarkly is asked for at once.
const pageSize = 100

// All reads every flag of the project.
func (s *Store) All(ctx context.Context) ([]flag.Definition, error) {
	var all []flag.Definition
	for {
		some, total, err := s.page(ctx, len(all), pageSize)
		if err != nil {
			return nil, err
		}
		for _, f := range some {
			d, err := f.definition()
			if err != nil {
				return nil, err
			}
			all = append(all, d)
		}
		if len(some) == 0 || len(all) >= total {
			return all, nil
		}
	}
}

// page reads some flags, by key, with everything that decides what they serve.
func (s *Store) page(ctx context.Context, offset, limit int) (some []found, total int, err error) {
	var list struct {
		Items      []representation
		TotalCount int
	}
	err = s.client.Do(ctx, flagapi.Call{
		Method: http.MethodGet, Path: []string{"api", "v2", "flags", s.project}, Out: &list,
		Query: url.Values{
			"env": {s.environment}, "summary": {"0"}, "sort": {"key"},
			"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)},
		},
	})
	if errors.Is(err, flag.ErrNotFound) || errors.Is(err, flag.ErrInvalid) {
		return nil, 0, fmt.Errorf("%w: there is no %s: are the keys right?", flag.ErrInvalid, s.name())
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list flags in %s: %w", s.name(), err)
	}
	for _, r := range list.Items {
		f, err := r.in(s.environment)
		if err != nil {
			return nil, 0, err
		}
		some = append(some, f)
	}
	return some, list.TotalCount, nil
}
