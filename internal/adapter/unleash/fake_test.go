package unleash_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/flag/flagtest"
)

const token = "*:*.s3cret"

// server is an Unleash with one project, shop, and one environment, prod.
type server struct {
	mu       sync.Mutex
	flags    map[string]*toggle
	made     int // strategies ever
	noEvents bool
}

type toggle struct {
	enabled      bool
	strategies   []map[string]any
	variants     []map[string]any
	dependencies []map[string]any
	changed      time.Time
}

func newServer(flags ...flagtest.Flag) *server {
	s := &server{flags: map[string]*toggle{}}
	for _, f := range flags {
		s.flags[f.Key] = s.toggle(f)
	}
	return s
}

// toggle serves the variants by one strategy, as Unleash's own pages make it.
func (s *server) toggle(f flagtest.Flag) *toggle {
	variants := []any{}
	for _, name := range f.Variants {
		weight := 0
		if name == f.Serving {
			weight = 1000
		}
		variants = append(variants, map[string]any{
			"name": name, "weight": weight, "weightType": "fix", "stickiness": "default",
			"payload": map[string]any{"type": "string", "value": "v-" + name},
		})
	}
	constraints := []any{}
	if f.Targeted {
		constraints = append(constraints, map[string]any{"contextName": "userId", "operator": "IN", "values": []string{"7"}})
	}
	t := &toggle{enabled: !f.Disabled, variants: []map[string]any{}, dependencies: []map[string]any{}, changed: start()}
	s.add(t, map[string]any{
		"name": "flexibleRollout", "parameters": map[string]any{"rollout": "100", "stickiness": "default", "groupId": f.Key},
		"constraints": constraints, "variants": variants, "segments": []any{}, "sortOrder": 0.0,
	})
	t.changed = start()
	return t
}

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func (s *server) add(t *toggle, strategy map[string]any) (id string) {
	s.made++
	id = fmt.Sprintf("S%d", s.made)
	strategy["id"] = id
	if strategy["title"] == "" {
		strategy["title"] = nil
	}
	t.strategies = append(t.strategies, strategy)
	slices.SortStableFunc(t.strategies, func(a, b map[string]any) int {
		return int(a["sortOrder"].(float64) - b["sortOrder"].(float64))
	})
	t.changed = t.changed.Add(time.Second)
	return id
}

// change is another writer.
func (s *server) change(key string, do func(*toggle)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s.flags[key])
	s.flags[key].changed = s.flags[key].changed.Add(time.Second)
}

// handler routes what the adapter calls.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/admin/projects/shop/overview", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"environments": []any{map[string]string{"environment": "dev"}, map[string]string{"environment": "prod"}}})
	})
	mux.HandleFunc("GET /api/admin/projects/{p}/features", func(w http.ResponseWriter, _ *http.Request) {
		names := []any{}
		for key := range s.flags {
			names = append(names, map[string]string{"name": key})
		}
		answer(w, http.StatusOK, map[string]any{"features": names})
	})
	mux.HandleFunc("GET /api/admin/projects/shop/features/{key}", s.withFlag(s.get))
	mux.HandleFunc("POST /api/admin/projects/shop/features/{key}/environments/prod/strategies", s.withFlag(s.addStrategy))
	mux.HandleFunc("DELETE /api/admin/projects/shop/features/{key}/environments/prod/strategies/{id}", s.withFlag(s.removeStrategy))
	mux.HandleFunc("POST /api/admin/projects/shop/features/{key}/environments/prod/on", s.withFlag(s.enable(true)))
	mux.HandleFunc("POST /api/admin/projects/shop/features/{key}/environments/prod/off", s.withFlag(s.enable(false)))
	mux.HandleFunc("GET /api/admin/search/events", s.events)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { refuse(w, http.StatusNotFound, "nothing at "+r.URL.Path) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Header.Get("Authorization") != token {
			refuse(w, http.StatusUnauthorized, "You must log in, not with "+r.Header.Get("Authorization"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *server) withFlag(do func(http.ResponseWriter, *http.Request, *toggle)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, ok := s.flags[r.PathValue("key")]
		if !ok {
			refuse(w, http.StatusNotFound, "There's no such feature")
			return
		}
		do(w, r, t)
	}
}

func (s *server) get(w http.ResponseWriter, r *http.Request, t *toggle) {
	answer(w, http.StatusOK, map[string]any{
		"name": r.PathValue("key"), "dependencies": t.dependencies,
		"environments": []any{
			map[string]any{"name": "dev", "enabled": true, "strategies": []any{}, "variants": []any{}},
			map[string]any{"name": "prod", "enabled": t.enabled, "lastSeenAt": time.Now(), "strategies": t.strategies, "variants": t.variants},
		},
	})
}

func (s *server) addStrategy(w http.ResponseWriter, r *http.Request, t *toggle) {
	var in map[string]any
	if json.NewDecoder(r.Body).Decode(&in) != nil || in["name"] != "flexibleRollout" {
		refuse(w, http.StatusBadRequest, "Request validation failed")
		return
	}
	id := s.add(t, in)
	answer(w, http.StatusOK, map[string]string{"id": id})
}

func (s *server) removeStrategy(w http.ResponseWriter, r *http.Request, t *toggle) {
	isIt := func(m map[string]any) bool { return m["id"] == r.PathValue("id") }
	if !slices.ContainsFunc(t.strategies, isIt) {
		refuse(w, http.StatusNotFound, "Could not find strategy")
		return
	}
	t.strategies = slices.DeleteFunc(t.strategies, isIt)
	t.changed = t.changed.Add(time.Second)
	w.WriteHeader(http.StatusOK)
}

// enable makes a strategy for everybody where a flag is switched on that has none, as Unleash does.
func (s *server) enable(enabled bool) func(http.ResponseWriter, *http.Request, *toggle) {
	return func(w http.ResponseWriter, _ *http.Request, t *toggle) {
		if enabled && len(t.strategies) == 0 {
			s.add(t, map[string]any{"name": "flexibleRollout", "parameters": map[string]any{"rollout": "100"}, "sortOrder": 0.0})
		}
		if t.enabled != enabled {
			t.changed = t.changed.Add(time.Second)
		}
		t.enabled = enabled
		w.WriteHeader(http.StatusOK)
	}
}

func (s *server) events(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("feature")[len("IS:"):]
	switch t, ok := s.flags[key]; {
	case s.noEvents:
		refuse(w, http.StatusForbidden, "no right")
	case !ok || r.URL.Query().Get("environment") != "IS:prod":
		answer(w, http.StatusOK, map[string]any{"events": []any{}})
	default:
		answer(w, http.StatusOK, map[string]any{"events": []any{map[string]any{"createdAt": t.changed}}})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"name": "Error", "message": message, "details": []any{map[string]string{"message": message}}})
}
