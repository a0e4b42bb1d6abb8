package unleash_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/flagapi/faulty"
	"github.com/cinegit/guardian/internal/adapter/unleash"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

func config(url string) unleash.Config {
	return unleash.Config{
		URL: url + "/", Project: "shop", Environment: "prod", HTTP: http.DefaultClient, Timeout: time.Minute,
		Token: func(context.Context) (string, error) { return token, nil },
	}
}

func newStore(t *testing.T, flags ...flagtest.Flag) (*unleash.Store, *server, *faulty.Server) {
	t.Helper()
	s := newServer(flags...)
	served := faulty.Serve(t, s.handler())
	return unleash.New(config(served.URL)), s, served
}

func isWrite(r *http.Request) bool { return r.Method != http.MethodGet }

func toggled() flagtest.Flag { return flagtest.Flag{Key: "search"} } // on for everybody, without variants

func TestStoreKeepsTheContractOfFlagStores(t *testing.T) {
	flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
		store, _, _ := newStore(t, flags...)
		return store
	})
}

func TestStoreBearsWhatGoesWrongWithAWrite(t *testing.T) {
	flagtest.RunFaults(t, func(t *testing.T, flags ...flagtest.Flag) flagtest.Faulty {
		store, _, served := newStore(t, flags...)
		return flagtest.Faulty{Store: store, Fail: func(fault flagtest.Fault, seen func()) { served.Fail(fault, seen, isWrite) }}
	})
}

func TestStoreBearsWhatGoesWrongWithItsSecondWrite(t *testing.T) {
	flagtest.RunFaults(t, func(t *testing.T, flags ...flagtest.Flag) flagtest.Faulty {
		store, _, served := newStore(t, flags...)
		return flagtest.Faulty{Store: store, Fail: func(fault flagtest.Fault, seen func()) {
			writes := 0
			served.Fail(fault, seen, func(r *http.Request) bool {
				if isWrite(r) {
					writes++
				}
				return writes == 2
			})
		}}
	})
}

func TestAFlagWithoutVariantsIsSwitchedOff(t *testing.T) {
	store, s, _ := newStore(t, toggled())
	before := read(t, store, "search")
	if before.Serving != "on" || !before.Enabled || before.Targeted {
		t.Errorf("before it is %+v", before)
	}
	if diff := cmp.Diff([]string{"off", "on"}, before.Variants); diff != "" {
		t.Error(diff)
	}
	written := kill(t, store, before, "off")
	if !written.Safe("off") || s.flags["search"].enabled || len(s.flags["search"].strategies) != 1 {
		t.Errorf("written %+v, on the server %+v", written, s.flags["search"])
	}
	if err := store.Restore(t.Context(), before, written); err != nil || !s.flags["search"].enabled {
		t.Errorf("restore: %v, enabled %v", err, s.flags["search"].enabled)
	}
}

func TestAFlagThatIsSafeWhenOnIsSwitchedOnForEverybody(t *testing.T) {
	f := toggled()
	f.Disabled, f.Targeted = true, true
	store, s, _ := newStore(t, f)
	before := read(t, store, "search")
	if !before.Safe("off") {
		t.Errorf("before it is %+v", before)
	}
	written := kill(t, store, before, "on")
	own := s.flags["search"].strategies[0]
	if !written.Safe("on") || !s.flags["search"].enabled || own["title"] != "Guardian: safe variant for everybody" {
		t.Errorf("written %+v, on the server %+v", written, s.flags["search"])
	}
	if err := store.Restore(t.Context(), before, written); err != nil || s.flags["search"].enabled || len(s.flags["search"].strategies) != 1 {
		t.Errorf("restore: %v, on the server %+v", err, s.flags["search"])
	}
}

func TestAFlagWithVariantsCanBeSwitchedOff(t *testing.T) {
	store, s, _ := newStore(t, flagtest.Flag{Key: "search", Variants: []string{"a", "b"}, Serving: "a"})
	written := kill(t, store, read(t, store, "search"), "off")
	if !written.Safe("off") || s.flags["search"].enabled {
		t.Errorf("written %+v, on the server %+v", written, s.flags["search"])
	}
}

func TestTheSafeVariantKeepsItsPayload(t *testing.T) {
	store, s, _ := newStore(t, flagtest.Flag{Key: "search", Variants: []string{"a", "b"}, Serving: "a"})
	kill(t, store, read(t, store, "search"), "b")
	own := s.flags["search"].strategies[0]["variants"].([]any)[0].(map[string]any)
	want := map[string]any{
		"name": "b", "weight": 1000.0, "weightType": "variable", "stickiness": "default",
		"payload": map[string]any{"type": "string", "value": "v-b"},
	}
	if diff := cmp.Diff(want, own); diff != "" {
		t.Error(diff)
	}
}

func TestSomeCallersGettingSomethingElseIsTargeting(t *testing.T) {
	for name, spoil := range map[string]func(*toggle){
		"by a rollout":    func(f *toggle) { f.strategies[0]["parameters"].(map[string]any)["rollout"] = "99" },
		"by a segment":    func(f *toggle) { f.strategies[0]["segments"] = []any{1} },
		"by a constraint": func(f *toggle) { f.strategies[0]["constraints"] = []any{map[string]any{}} },
		"by a custom strategy": func(f *toggle) {
			f.strategies[0]["name"] = "userWithId"
		},
		"by weights": func(f *toggle) {
			f.strategies[0]["variants"].([]any)[1].(map[string]any)["weight"] = 1
		},
		"by another flag": func(f *toggle) { f.dependencies = []map[string]any{{"feature": "parent"}} },
		"by the environment's variants": func(f *toggle) {
			f.variants = []map[string]any{{"name": "a", "weight": 600}, {"name": "b", "weight": 400}}
			f.strategies[0]["variants"] = []any{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, s, _ := newStore(t, flagtest.Flag{Key: "search", Variants: []string{"a", "b"}, Serving: "a"})
			if read(t, store, "search").Targeted {
				t.Fatal("it is targeted before")
			}
			s.change("search", spoil)
			if d := read(t, store, "search"); !d.Targeted || d.Serving != "a" {
				t.Errorf("it is %+v", d)
			}
		})
	}
}

func TestADisabledStrategyServesNobody(t *testing.T) {
	store, s, _ := newStore(t, toggled())
	s.change("search", func(f *toggle) { f.strategies[0]["disabled"] = true })
	if d := read(t, store, "search"); !d.Safe("off") {
		t.Errorf("it is %+v", d)
	}
}

func TestAFlagThatDependsOnAnotherCanOnlyBeSwitchedOff(t *testing.T) {
	store, s, _ := newStore(t, flagtest.Flag{Key: "search", Variants: []string{"a", "b"}, Serving: "a"})
	s.change("search", func(f *toggle) { f.dependencies = []map[string]any{{"feature": "parent"}} })
	before := read(t, store, "search")
	if _, err := store.Kill(t.Context(), before, "b"); !errors.Is(err, flag.ErrInvalid) || !strings.Contains(err.Error(), "depends on another flag") {
		t.Errorf("error is %v", err)
	}
	if written := kill(t, store, before, "off"); !written.Safe("off") {
		t.Errorf("written %+v", written)
	}
}

func TestAChangeIsDatedByUnleash(t *testing.T) {
	store, s, _ := newStore(t, toggled())
	if got := read(t, store, "search").Modified; !got.Equal(start()) {
		t.Errorf("modified %v", got)
	}
	s.noEvents = true
	if got := read(t, store, "search").Modified; !got.IsZero() {
		t.Errorf("without the right to events modified is %v", got)
	}
}

func TestWhatUnleashRefusesIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*unleash.Config)
		err   error
		says  string
	}{
		"a wrong token": {func(c *unleash.Config) { c.Token = func(context.Context) (string, error) { return "secret-2", nil } }, flag.ErrDenied, "401 Unauthorized: You must log in, not with ***"},
		"no token": {func(c *unleash.Config) {
			c.Token = func(context.Context) (string, error) { return "", errors.New("gone") }
		}, flag.ErrUnavailable, "get token: gone"},
		"a wrong project":     {func(c *unleash.Config) { c.Project = "shp" }, flag.ErrInvalid, "there is no Unleash project shp"},
		"a wrong environment": {func(c *unleash.Config) { c.Environment = "production" }, flag.ErrInvalid, "the project has dev, prod"},
		"a wrong path":        {func(c *unleash.Config) { c.URL += "elsewhere" }, flag.ErrInvalid, "is the project's ID right?"},
	} {
		t.Run(name, func(t *testing.T) {
			served := faulty.Serve(t, newServer(toggled()).handler())
			c := config(served.URL)
			tt.spoil(&c)
			store := unleash.New(c)
			_, byFlag := store.Flag(t.Context(), "serch")
			_, byAll := store.All(t.Context())
			for _, err := range []error{byFlag, byAll, store.Probe(t.Context())} {
				if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error is %v", err)
				}
			}
		})
	}
}

func read(t *testing.T, s flag.Store, key string) flag.Definition {
	t.Helper()
	d, err := s.Flag(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func kill(t *testing.T, s flag.Store, before flag.Definition, safe string) flag.Definition {
	t.Helper()
	d, err := s.Kill(t.Context(), before, safe)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
