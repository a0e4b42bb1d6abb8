package unleash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// api is what is asked of Unleash's admin API (https://docs.getunleash.io/reference/api/unleash).
type api struct {
	client               flagapi.Client
	project, environment string
}

// name is what people call the flags of a store.
func (a api) name() string {
	return fmt.Sprintf("Unleash project %s, environment %s", a.project, a.environment)
}

func (a api) call(ctx context.Context, what string, call flagapi.Call) error {
	if err := a.client.Do(ctx, call); err != nil {
		return fmt.Errorf("%s in %s: %w", what, a.name(), err)
	}
	return nil
}

func (a api) path(more ...string) []string {
	return append([]string{"api", "admin", "projects", a.project}, more...)
}

// probe tells whether there is such a project with such an environment.
func (a api) probe(ctx context.Context) error {
	var project struct {
		Environments []struct{ Environment string }
	}
	err := a.call(ctx, "look at the project", flagapi.Call{Method: http.MethodGet, Path: a.path("overview"), Out: &project})
	if errors.Is(err, flag.ErrNotFound) {
		return fmt.Errorf("%w: there is no %s: is the project's ID right?", flag.ErrInvalid, a.name())
	}
	if err != nil {
		return err
	}
	var names []string
	for _, e := range project.Environments {
		if e.Environment == a.environment {
			return nil
		}
		names = append(names, e.Environment)
	}
	return fmt.Errorf("%w: there is no %s: the project has %s", flag.ErrInvalid, a.name(), flag.Listing(names))
}

// names lists the flags of the project.
func (a api) names(ctx context.Context) ([]string, error) {
	var list struct{ Features []struct{ Name string } }
	err := a.call(ctx, "list flags", flagapi.Call{Method: http.MethodGet, Path: a.path("features"), Out: &list})
	names := make([]string, 0, len(list.Features))
	for _, f := range list.Features {
		names = append(names, f.Name)
	}
	return names, err
}

// feature reads one flag.
func (a api) feature(ctx context.Context, key string) (feature, error) {
	var answer struct {
		Environments []struct {
			Name string
			feature
		}
		Dependencies []raw
	}
	err := a.call(ctx, "read flag "+key, flagapi.Call{
		Method: http.MethodGet, Path: a.path("features", key), Query: url.Values{"variantEnvironments": {"true"}}, Out: &answer,
	})
	if err != nil {
		return feature{}, err
	}
	for _, e := range answer.Environments {
		if e.Name == a.environment {
			f := e.feature
			f.Dependencies = answer.Dependencies
			// In the order in which they are asked, whatever the order of the answer.
			slices.SortStableFunc(f.Strategies, func(x, y strategy) int { return x.SortOrder - y.SortOrder })
			return f, nil
		}
	}
	return feature{}, fmt.Errorf("%w: flag %s is not in %s", flag.ErrInvalid, key, a.name())
}

// modified is when anybody last changed a flag; zero where the token may not know it.
func (a api) modified(ctx context.Context, key string) (time.Time, error) {
	var found struct {
		Events []struct{ CreatedAt time.Time }
	}
	err := a.call(ctx, "look for changes of flag "+key, flagapi.Call{
		Method: http.MethodGet, Path: []string{"api", "admin", "search", "events"}, Out: &found,
		Query: url.Values{"feature": {"IS:" + key}, "environment": {"IS:" + a.environment}, "limit": {"1"}},
	})
	if errors.Is(err, flag.ErrDenied) || errors.Is(err, flag.ErrNotFound) {
		return time.Time{}, nil // an older server, or a token without that right
	}
	if err != nil || len(found.Events) == 0 {
		return time.Time{}, err
	}
	return found.Events[0].CreatedAt, nil // the newest first
}

// addStrategy puts a strategy in and gives its ID.
func (a api) addStrategy(ctx context.Context, key string, s strategy) (id string, err error) {
	var made struct{ ID string }
	err = a.call(ctx, "add a strategy to flag "+key, flagapi.Call{
		Method: http.MethodPost, Path: a.path("features", key, "environments", a.environment, "strategies"), In: s, Out: &made,
	})
	return made.ID, err
}

// removeStrategy takes a strategy out; one that is gone is no error.
func (a api) removeStrategy(ctx context.Context, key, id string) error {
	err := a.call(ctx, "remove the strategy of flag "+key, flagapi.Call{
		Method: http.MethodDelete, Path: a.path("features", key, "environments", a.environment, "strategies", id),
	})
	if errors.Is(err, flag.ErrNotFound) {
		return nil
	}
	return err
}

// enable switches a flag on or off in the environment.
func (a api) enable(ctx context.Context, key string, enabled bool) error {
	state := off
	if enabled {
		state = on
	}
	return a.call(ctx, "switch flag "+key+" "+state, flagapi.Call{
		Method: http.MethodPost, Path: a.path("features", key, "environments", a.environment, state),
	})
}

// version changes with a flag.
func version(image []byte, modified time.Time) string {
	sum := sha256.Sum256(append(slices.Clone(image), modified.String()...))
	return hex.EncodeToString(sum[:])
}
