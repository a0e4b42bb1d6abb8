package launchdarkly_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/flagapi/faulty"
	"github.com/cinegit/guardian/internal/adapter/launchdarkly"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

func config(url string) launchdarkly.Config {
	return launchdarkly.Config{
		URL: url + "/", Project: "shop", Environment: "prod", HTTP: http.DefaultClient, Timeout: time.Minute,
		Token: func(context.Context) (string, error) { return token, nil },
	}
}

func newStore(t *testing.T, flags ...flagtest.Flag) (*launchdarkly.Store, *server, *faulty.Server) {
	t.Helper()
	s := newServer(flags...)
	served := faulty.Serve(t, s.handler())
	return launchdarkly.New(config(served.URL)), s, served
}

func isPatch(r *http.Request) bool { return r.Method == http.MethodPatch }

// merge is on for everybody, and off it serves b.
func merge() flagtest.Flag {
	return flagtest.Flag{Key: "merge", Variants: []string{"a", "b"}, Serving: "a"}
}

// three is on for everybody, and off it serves c.
func three() flagtest.Flag {
	return flagtest.Flag{Key: "merge", Variants: []string{"a", "b", "c"}, Serving: "a"}
}

func TestStoreKeepsTheContractOfFlagStores(t *testing.T) {
	flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
		store, _, _ := newStore(t, flags...)
		return store
	})
}

func TestStoreBearsWhatGoesWrongWithAWrite(t *testing.T) {
	flagtest.RunFaults(t, func(t *testing.T, flags ...flagtest.Flag) flagtest.Faulty {
		store, _, served := newStore(t, flags...)
		return flagtest.Faulty{Store: store, Fail: func(fault flagtest.Fault, seen func()) { served.Fail(fault, seen, isPatch) }}
	})
}

func TestAFlagThatIsSafeWhenOffIsOnlyTurnedOff(t *testing.T) {
	store, s, _ := newStore(t, merge())
	before := read(t, store, "merge")
	written := kill(t, store, before, "b")
	if !written.Safe("b") {
		t.Errorf("written %+v", written)
	}
	if err := store.Restore(t.Context(), before, written); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"turnFlagOff", "turnFlagOn"}, s.kinds); diff != "" {
		t.Error(diff)
	}
}

func TestAnOffVariationIsChangedUnderATestAndPutBack(t *testing.T) {
	store, s, _ := newStore(t, three())
	before := read(t, store, "merge")
	written := kill(t, store, before, "b")
	if got := prod(s.flags["merge"])["offVariation"]; !written.Safe("b") || got != 1.0 {
		t.Errorf("written %+v, off variation %v", written, got)
	}
	if err := store.Restore(t.Context(), before, written); err != nil {
		t.Fatal(err)
	}
	if got := prod(s.flags["merge"])["offVariation"]; got != 2.0 || !read(t, store, "merge").Same(before) {
		t.Errorf("restored to off variation %v", got)
	}
	if diff := cmp.Diff([]string{"json", "json"}, s.kinds); diff != "" {
		t.Error(diff)
	}
}

func TestSomebodyElsesOffVariationIsNotWrittenOver(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			store, s, served := newStore(t, three())
			s.failed = status
			before := read(t, store, "merge")
			served.Before(isPatch, func() { s.change("merge", func(prod map[string]any) { prod["offVariation"] = 0 }) })
			if _, err := store.Kill(t.Context(), before, "b"); !errors.Is(err, flag.ErrConflict) {
				t.Errorf("error is %v", err)
			}
			if config := prod(s.flags["merge"]); config["offVariation"] != 0 || config["on"] != true {
				t.Errorf("the configuration is %v", config)
			}
		})
	}
}

func TestTurningOffLeavesWhatSomebodyElseWroteInBetween(t *testing.T) {
	store, s, served := newStore(t, merge())
	before := read(t, store, "merge")
	theirs := func(prod map[string]any) { prod["fallthrough"] = map[string]any{"variation": 1} }
	served.Before(isPatch, func() { s.change("merge", theirs) })
	if _, err := store.Kill(t.Context(), before, "b"); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff(map[string]any{"variation": 1}, prod(s.flags["merge"])["fallthrough"]); diff != "" {
		t.Error(diff)
	}
}

func TestAPatchThatIsRefusedForItselfIsInvalid(t *testing.T) {
	store, s, served := newStore(t, three())
	before := read(t, store, "merge")
	s.failed = http.StatusBadRequest
	served.Before(isPatch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(prod(s.flags["merge"]), "on") // a patch that does not fit, as of a newer API
	})
	if _, err := store.Kill(t.Context(), before, "b"); !errors.Is(err, flag.ErrInvalid) {
		t.Errorf("error is %v", err)
	}
}

func TestARestoreOfWhatGuardianDidNotWriteIsAConflict(t *testing.T) {
	store, s, _ := newStore(t, merge())
	before := read(t, store, "merge")
	s.change("merge", func(prod map[string]any) { prod["rules"] = []any{map[string]any{"_id": "theirs"}} })
	theirs := read(t, store, "merge")
	if err := store.Restore(t.Context(), before, theirs); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
}

func TestImagesThatAreNoneAreRefused(t *testing.T) {
	store, _, _ := newStore(t, merge())
	now, bad := read(t, store, "merge"), flag.Definition{Key: "merge", Raw: []byte(`{"on": `)}
	if err := store.Restore(t.Context(), bad, now); !errors.Is(err, flag.ErrInvalid) {
		t.Errorf("restore gave %v", err)
	}
	if _, err := store.Kill(t.Context(), bad, "b"); !errors.Is(err, flag.ErrInvalid) {
		t.Errorf("kill gave %v", err)
	}
}

func TestSomeCallersGettingSomethingElseIsTargeting(t *testing.T) {
	for _, name := range []string{"targets", "contextTargets", "rules", "prerequisites"} {
		t.Run(name, func(t *testing.T) {
			store, s, _ := newStore(t, merge())
			s.change("merge", func(prod map[string]any) { prod[name] = []any{map[string]any{}} })
			if d := read(t, store, "merge"); !d.Targeted || d.Serving != "a" {
				t.Errorf("it is %+v", d)
			}
			s.change("merge", func(prod map[string]any) { prod["on"] = false })
			if d := read(t, store, "merge"); !d.Safe("b") {
				t.Errorf("off it is %+v", d)
			}
		})
	}
}

func TestARolloutServesItsLargestShare(t *testing.T) {
	share := func(variation, weight int) map[string]any {
		return map[string]any{"variation": variation, "weight": weight}
	}
	for name, tt := range map[string]struct {
		shares   []any
		serving  string
		targeted bool
	}{
		"of several": {[]any{share(0, 30000), share(1, 70000)}, "b", true},
		"of one":     {[]any{share(0, 100000), share(1, 0)}, "a", false},
		"of none":    {[]any{}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			store, s, _ := newStore(t, merge())
			s.change("merge", func(prod map[string]any) {
				prod["fallthrough"] = map[string]any{"rollout": map[string]any{"variations": tt.shares}}
			})
			if d := read(t, store, "merge"); d.Serving != tt.serving || d.Targeted != tt.targeted {
				t.Errorf("it is %+v", d)
			}
		})
	}
}

func TestAVariationIsNamedByItsNameElseByItsValue(t *testing.T) {
	store, s, _ := newStore(t, merge())
	s.mu.Lock()
	s.flags["merge"]["variations"] = []any{
		map[string]any{"name": "Named", "value": true}, map[string]any{"value": false}, map[string]any{"value": "text"},
		map[string]any{"value": map[string]any{"b": 1, "a": 2}}, map[string]any{"name": "Named", "value": 1.5}, map[string]any{"value": "text"},
	}
	s.mu.Unlock()
	want := []string{"1.5", "Named", "false", "text", "variation 5", `{"a":2,"b":1}`}
	if diff := cmp.Diff(want, read(t, store, "merge").Variants); diff != "" {
		t.Error(diff)
	}
}

func TestAChangeIsDatedByLaunchDarkly(t *testing.T) {
	store, _, _ := newStore(t, merge())
	if got := read(t, store, "merge").Modified; !got.Equal(start()) {
		t.Errorf("modified %v", got)
	}
}

func TestAllReadsEveryPage(t *testing.T) {
	var flags []flagtest.Flag
	for i := range 250 {
		f := merge()
		f.Key = fmt.Sprintf("flag-%03d", i)
		flags = append(flags, f)
	}
	store, _, _ := newStore(t, flags...)
	all, err := store.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 250 || all[249].Key != "flag-249" {
		t.Errorf("got %d", len(all))
	}
}

func TestWhatLaunchDarklyRefusesIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*launchdarkly.Config)
		err   error
		says  string
	}{
		"a wrong token": {func(c *launchdarkly.Config) {
			c.Token = func(context.Context) (string, error) { return "secret-2", nil }
		}, flag.ErrDenied, "401 Unauthorized: Invalid access token ***"},
		"a wrong project":     {func(c *launchdarkly.Config) { c.Project = "shp" }, flag.ErrInvalid, "there is no LaunchDarkly project shp, environment prod"},
		"a wrong environment": {func(c *launchdarkly.Config) { c.Environment = "production" }, flag.ErrInvalid, "environment production"},
	} {
		t.Run(name, func(t *testing.T) {
			served := faulty.Serve(t, newServer(merge()).handler())
			c := config(served.URL)
			tt.spoil(&c)
			store := launchdarkly.New(c)
			_, byFlag := store.Flag(t.Context(), "merg")
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
