package launchdarkly_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/cinegit/guardian/internal/flag/flagtest"
)

const token = "api-s3cret"

// server is a LaunchDarkly with one project, shop, and one environment, prod.
type server struct {
	mu     sync.Mutex
	flags  map[string]map[string]any // LaunchDarkly's JSON by key
	failed int                       // status of a patch whose test fails
	kinds  []string                  // of the patches that were taken
}

func newServer(flags ...flagtest.Flag) *server {
	s := &server{flags: map[string]map[string]any{}, failed: http.StatusConflict}
	for _, f := range flags {
		s.flags[f.Key] = representation(f)
	}
	return s
}

// representation has an off variation only where the flag is not disabled: without one, a flag that is
// off gives callers the default in their own code.
func representation(f flagtest.Flag) map[string]any {
	variations := []any{}
	for i, name := range f.Variants {
		variations = append(variations, map[string]any{"_id": fmt.Sprintf("id-%d", i), "name": name, "value": i})
	}
	rules := []any{}
	if f.Targeted {
		rules = append(rules, map[string]any{"_id": "rule-1", "variation": 1, "clauses": []any{}})
	}
	config := map[string]any{
		"on": !f.Disabled, "version": 7, "lastModified": start().UnixMilli(), "salt": "pepper",
		"fallthrough": map[string]any{"variation": slices.Index(f.Variants, f.Serving)},
		"targets":     []any{}, "contextTargets": []any{}, "rules": rules, "prerequisites": []any{},
	}
	if !f.Disabled {
		config["offVariation"] = len(f.Variants) - 1
	}
	return map[string]any{"key": f.Key, "variations": variations, "environments": map[string]any{"prod": config}}
}

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func prod(f map[string]any) map[string]any {
	return f["environments"].(map[string]any)["prod"].(map[string]any)
}

// change is another writer.
func (s *server) change(key string, do func(prod map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(prod(s.flags[key]))
	s.touch(key)
}

func (s *server) touch(key string) {
	config := prod(s.flags[key])
	version, _ := strconv.Atoi(fmt.Sprint(config["version"]))
	config["version"], config["lastModified"] = version+1, start().Add(time.Duration(version)*time.Second).UnixMilli()
}

// handler routes what the adapter calls.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v2/flags/shop", s.list)
	mux.HandleFunc("GET /api/v2/flags/shop/{key}", s.withFlag(func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, s.flags[r.PathValue("key")])
	}))
	mux.HandleFunc("PATCH /api/v2/flags/shop/{key}", s.withFlag(s.patch))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Unknown resource") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch env := r.URL.Query().Get("env"); {
		case r.Header.Get("Authorization") != token:
			refuse(w, http.StatusUnauthorized, "Invalid access token "+r.Header.Get("Authorization"))
		case r.Method == http.MethodGet && env != "prod":
			refuse(w, http.StatusBadRequest, "Unknown environment key")
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func (s *server) withFlag(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.flags[r.PathValue("key")]; !ok {
			refuse(w, http.StatusNotFound, "Unknown flag")
			return
		}
		do(w, r)
	}
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	keys := slices.Sorted(maps.Keys(s.flags))
	items := []any{}
	for _, key := range keys[min(offset, len(keys)):min(offset+limit, len(keys))] {
		items = append(items, s.flags[key])
	}
	answer(w, http.StatusOK, map[string]any{"items": items, "totalCount": len(keys)})
}

func (s *server) patch(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.Header.Get("Content-Type") == "application/json; domain-model=launchdarkly.semanticpatch" {
		s.semantic(w, key, body)
		return
	}
	var in struct{ Patch json.RawMessage }
	ops, err := jsonpatch.DecodePatch(body)
	if json.Unmarshal(body, &in) == nil && in.Patch != nil {
		ops, err = jsonpatch.DecodePatch(in.Patch)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "not a patch")
		return
	}
	before, _ := json.Marshal(s.flags[key])
	after, err := ops.Apply(before)
	if errors.Is(err, jsonpatch.ErrTestFailed) {
		refuse(w, s.failed, "a test failed")
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	var next map[string]any
	_ = json.Unmarshal(after, &next)
	s.flags[key] = next
	s.took(w, key, "json")
}

func (s *server) semantic(w http.ResponseWriter, key string, body []byte) {
	var in struct {
		EnvironmentKey string
		Instructions   []struct{ Kind string }
	}
	if json.Unmarshal(body, &in) != nil || in.EnvironmentKey != "prod" || len(in.Instructions) != 1 {
		refuse(w, http.StatusBadRequest, "not a semantic patch")
		return
	}
	prod(s.flags[key])["on"] = in.Instructions[0].Kind == "turnFlagOn"
	s.took(w, key, in.Instructions[0].Kind)
}

func (s *server) took(w http.ResponseWriter, key, kind string) {
	s.touch(key)
	s.kinds = append(s.kinds, kind)
	answer(w, http.StatusOK, s.flags[key])
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"code": "refused", "message": message})
}
