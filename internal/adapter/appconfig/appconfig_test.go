package appconfig_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/appconfig"
	"github.com/cinegit/guardian/internal/adapter/flagapi/faulty"
	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

const two = `{"flags": {"a": {"state": "DISABLED", "variants": {"off": 0}, "defaultVariant": "off"}, "b": {"n": 1}}}`

func place() appconfig.Place {
	return appconfig.Place{Application: "app1234", Environment: "env1234", Profile: "prof123"}
}

func newStore(t *testing.T, text string) (*flagd.Store, *service, *faulty.Server) {
	t.Helper()
	s := newService(text)
	server := faulty.Serve(t, s.handler())
	return appconfig.New(faulty.AWS(server.URL), place(), time.Minute), s, server
}

func isCreate(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "versions")
}

func isDeploy(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "deployments")
}

// secondList matches the list of deployments that is read after the document and before any change.
func secondList() func(*http.Request) bool {
	lists := 0
	return func(r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "deployments") {
			lists++
		}
		return lists == 2
	}
}

// moments are those between reading a document and deploying another.
func moments() map[string]func(*http.Request) bool {
	return map[string]func(*http.Request) bool{
		"after the document": secondList(), "before the version": isCreate, "before the deployment": isDeploy,
	}
}

func TestStoreKeepsTheContractOfFlagStores(t *testing.T) {
	flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
		store, _, _ := newStore(t, flagtest.FlagdDocument(t, flags...))
		return store
	})
}

func TestStoreBearsWhatGoesWrongWithAWrite(t *testing.T) {
	for name, match := range map[string]func(*http.Request) bool{"version": isCreate, "deployment": isDeploy} {
		t.Run(name, func(t *testing.T) {
			flagtest.RunFaults(t, func(t *testing.T, flags ...flagtest.Flag) flagtest.Faulty {
				store, _, server := newStore(t, flagtest.FlagdDocument(t, flags...))
				return flagtest.Faulty{Store: store, Fail: func(fault flagtest.Fault, seen func()) { server.Fail(fault, seen, match) }}
			})
		})
	}
}

func TestAWriterInBetweenIsNotOverwritten(t *testing.T) {
	for name, match := range moments() {
		t.Run(name, func(t *testing.T) {
			store, s, server := newStore(t, two)
			before := read(t, store, "a")
			theirs := strings.Replace(two, `"n": 1`, `"n": 2`, 1)
			server.Before(match, func() { s.other(theirs) })
			written, err := store.Kill(t.Context(), before, "off")
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(theirs, "DISABLED", "ENABLED", 1)
			if diff := cmp.Diff(want, s.deployed()); diff != "" || !written.Safe("off") {
				t.Errorf("written %+v, deployed %s", written, diff)
			}
		})
	}
}

func TestAWriterOfTheSameFlagInBetweenWins(t *testing.T) {
	for name, match := range moments() {
		t.Run(name, func(t *testing.T) {
			store, s, server := newStore(t, two)
			before := read(t, store, "a")
			theirs := strings.Replace(two, `"off": 0`, `"off": 7`, 1)
			server.Before(match, func() { s.other(theirs) })
			if _, err := store.Kill(t.Context(), before, "off"); !errors.Is(err, flag.ErrConflict) {
				t.Errorf("error is %v", err)
			}
			if diff := cmp.Diff(theirs, s.deployed()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestADeploymentInProgressIsAConflict(t *testing.T) {
	store, s, _ := newStore(t, two)
	before := read(t, store, "a")
	s.slow = 1000
	s.start("something else", "1", "by-hand")
	_, err := store.Kill(t.Context(), before, "off")
	if !errors.Is(err, flag.ErrConflict) || !strings.Contains(err.Error(), "deployment 2 is in progress in environment env1234") {
		t.Errorf("error is %v", err)
	}
	if len(s.versions) != 1 {
		t.Errorf("a version was made for nothing: %d", len(s.versions))
	}
}

func TestADeploymentThatBeginsMeanwhileLeavesNoDraftBehind(t *testing.T) {
	store, s, server := newStore(t, two)
	before := read(t, store, "a")
	server.Before(isDeploy, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.slow = 1000
		s.start("something else", "1", "by-hand")
	})
	if _, err := store.Kill(t.Context(), before, "off"); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if len(s.versions) != 2 || s.versions[1] != nil {
		t.Errorf("the versions are %q", s.versions)
	}
}

func TestADraftIsNeitherReadNorDeployed(t *testing.T) {
	store, s, _ := newStore(t, two)
	s.versions = append(s.versions, []byte(strings.Replace(two, `"n": 1`, `"n": 7`, 1)))
	if _, err := store.Kill(t.Context(), read(t, store, "a"), "off"); err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(two, "DISABLED", "ENABLED", 1); s.deployed() != want {
		t.Errorf("deployed is %s", s.deployed())
	}
}

func TestWhatBakesIsServed(t *testing.T) {
	store, s, _ := newStore(t, two)
	s.other(strings.Replace(two, `"n": 1`, `"n": 2`, 1))
	s.deployments[1].State = "BAKING"
	b := read(t, store, "b")
	if string(b.Raw) != `{"n": 2}` || !b.Modified.Equal(s.deployments[1].StartedAt) {
		t.Errorf("got %s of %v", b.Raw, b.Modified)
	}
}

func TestAnotherProfilesDeploymentDatesNothing(t *testing.T) {
	store, s, _ := newStore(t, two)
	read(t, store, "b") // the document's own deployment has ended
	s.start("something else", "1", "by-hand")
	if got := read(t, store, "b").Modified; !got.Equal(s.deployments[0].StartedAt) {
		t.Errorf("modified %v", got)
	}
}

func TestADeploymentThatAnAlarmRollsBackIsAConflict(t *testing.T) {
	store, s, _ := newStore(t, two)
	before := read(t, store, "a")
	s.end = "ROLLED_BACK"
	_, err := store.Kill(t.Context(), before, "off")
	if !errors.Is(err, flag.ErrConflict) || !strings.Contains(err.Error(), "rolled back") {
		t.Errorf("error is %v", err)
	}
}

func TestGuardiansOwnStrategyIsMadeOnceAndImmediate(t *testing.T) {
	store, s, server := newStore(t, two)
	written, err := store.Kill(t.Context(), read(t, store, "a"), "off")
	if err != nil {
		t.Fatal(err)
	}
	again := appconfig.New(faulty.AWS(server.URL), place(), time.Minute)
	if err := again.Restore(t.Context(), flag.Definition{Key: "a", Raw: []byte(`{"variants": {"off": 1}}`)}, written); err != nil {
		t.Fatal(err)
	}
	if len(s.strategies) != 1 || s.deployments[1].DeploymentStrategyId != "own0" || s.deployments[2].DeploymentStrategyId != "own0" {
		t.Errorf("strategies %v, deployments %+v", s.strategies, s.deployments)
	}
	got := s.strategies[0]
	if got["DeploymentDurationInMinutes"] != 0.0 || got["FinalBakeTimeInMinutes"] != nil || got["GrowthFactor"] != 100.0 {
		t.Errorf("the strategy is %v", got)
	}
}

func TestANamedStrategyIsUsed(t *testing.T) {
	s := newService(two)
	server := faulty.Serve(t, s.handler())
	at := place()
	at.Strategy = "fast123"
	store := appconfig.New(faulty.AWS(server.URL), at, time.Minute)
	if _, err := store.Kill(t.Context(), read(t, store, "a"), "off"); err != nil {
		t.Fatal(err)
	}
	if len(s.strategies) != 0 || s.deployments[1].DeploymentStrategyId != "fast123" {
		t.Errorf("strategies %v, deployments %+v", s.strategies, s.deployments)
	}
}

func TestWhatAppConfigRefusesIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*service)
		err   error
		says  string
	}{
		"no right":          {func(s *service) { s.denied = true }, flag.ErrDenied, "get the profile of appconfig:app1234/env1234/prof123: denied by the flag store: AccessDeniedException"},
		"nothing deployed":  {func(s *service) { s.deployments[0].ConfigurationName = "other" }, flag.ErrUnavailable, "nothing is deployed"},
		"AWS's own flags":   {func(s *service) { s.kind = "AWS.AppConfig.FeatureFlags" }, flag.ErrInvalid, "profile of type AWS.AppConfig.FeatureFlags"},
		"version not there": {func(s *service) { s.versions[0] = nil }, flag.ErrUnavailable, "ResourceNotFoundException"},
		"no hosted version": {func(s *service) { s.deployments[0].ConfigurationVersion = "abc" }, flag.ErrInvalid, `version "abc"`},
		"no JSON":           {func(s *service) { s.versions[0] = []byte("flags: {}") }, flag.ErrInvalid, "appconfig:app1234/env1234/prof123:1:2: this is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			store, s, _ := newStore(t, two)
			tt.spoil(s)
			_, err := store.Flag(t.Context(), "a")
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// inMemory carries calls to a handler without a network, so that time can be virtual.
type inMemory struct{ handler http.Handler }

// Do implements config.HTTPClient.
func (c inMemory) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestAChangeWaitsForItsDeployment(t *testing.T) {
	for name, tt := range map[string]struct {
		looks int
		want  error
		least time.Duration
	}{
		"that takes its time":   {looks: 20, least: 8 * time.Second},
		"but not for all times": {looks: 1000, want: flag.ErrUnavailable, least: 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(two)
				config := faulty.AWS("http://appconfig.invalid")
				config.HTTPClient = inMemory{s.handler()}
				store := appconfig.New(config, place(), time.Minute)
				before := read(t, store, "a")
				s.slow = tt.looks
				begun := time.Now()
				_, err := store.Kill(t.Context(), before, "off")
				if !errors.Is(err, tt.want) {
					t.Errorf("error is %v", err)
				}
				if took := time.Since(begun); took < tt.least {
					t.Errorf("it waited only %v", took)
				}
			})
		})
	}
}

func TestASilentServiceRunsIntoTheTimeout(t *testing.T) {
	server := faulty.Serve(t, http.NotFoundHandler())
	server.Fail(flagtest.Silent, func() {}, func(*http.Request) bool { return true })
	store := appconfig.New(faulty.AWS(server.URL), place(), time.Millisecond)
	if _, err := store.Flag(t.Context(), "a"); !errors.Is(err, flag.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
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
