package appconfig_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// service is an AppConfig of one application, environment and hosted profile. A deployment is
// deploying until it has been looked at as often as slow says.
type service struct {
	mu          sync.Mutex
	kind        string
	versions    [][]byte // by number less one; nil is deleted
	deployments []deployment
	strategies  []map[string]any
	slow        int
	end         string // the state that a deployment ends in
	denied      bool
}

type deployment struct {
	DeploymentNumber     int
	ConfigurationName    string
	ConfigurationVersion string
	State                string
	StartedAt            time.Time
	DeploymentStrategyId string
	looks                int
}

// newService has a document deployed as version 1.
func newService(text string) *service {
	s := &service{kind: "AWS.Freeform", end: "COMPLETE", versions: [][]byte{[]byte(text)}}
	s.start("flags", "1", "by-hand")
	return s
}

// start begins a deployment, also as another writer.
func (s *service) start(name, version, strategy string) {
	n := len(s.deployments) + 1
	s.deployments = append(s.deployments, deployment{
		DeploymentNumber: n, ConfigurationName: name, ConfigurationVersion: version, State: "DEPLOYING",
		StartedAt: time.Date(2026, 1, 2, 3, n, 0, 0, time.UTC), DeploymentStrategyId: strategy,
	})
}

// look lets time pass.
func (s *service) look() {
	d := &s.deployments[len(s.deployments)-1]
	if d.looks++; d.State == "DEPLOYING" && d.looks > s.slow {
		d.State = s.end
	}
}

// other deploys a version with a replacement, as another writer does, and waits for it.
func (s *service) other(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions = append(s.versions, []byte(text))
	s.start("flags", strconv.Itoa(len(s.versions)), "by-hand")
	s.deployments[len(s.deployments)-1].State = "COMPLETE"
}

func (s *service) deployed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.deployments) - 1; i >= 0; i-- {
		if d := s.deployments[i]; d.ConfigurationName == "flags" && d.State == "COMPLETE" {
			n, _ := strconv.Atoi(d.ConfigurationVersion)
			return string(s.versions[n-1])
		}
	}
	return ""
}

const (
	versionsPath    = "/applications/app1234/configurationprofiles/prof123/hostedconfigurationversions"
	deploymentsPath = "/applications/app1234/environments/env1234/deployments"
)

// handler routes what the adapter calls.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /applications/app1234/configurationprofiles/prof123", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"Name": "flags", "Type": s.kind, "LocationUri": "hosted"})
	})
	mux.HandleFunc("GET "+versionsPath, s.listVersions)
	mux.HandleFunc("POST "+versionsPath, s.createVersion)
	mux.HandleFunc("GET "+versionsPath+"/{n}", s.getVersion)
	mux.HandleFunc("DELETE "+versionsPath+"/{n}", s.deleteVersion)
	mux.HandleFunc("GET "+deploymentsPath, s.listDeployments)
	mux.HandleFunc("POST "+deploymentsPath, s.startDeployment)
	mux.HandleFunc("GET "+deploymentsPath+"/{n}", s.getDeployment)
	mux.HandleFunc("DELETE "+deploymentsPath+"/{n}", s.stopDeployment)
	mux.HandleFunc("GET /deploymentstrategies", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"Items": s.strategies})
	})
	mux.HandleFunc("POST /deploymentstrategies", s.createStrategy)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.denied {
			refuse(w, http.StatusForbidden, "AccessDeniedException")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *service) listVersions(w http.ResponseWriter, _ *http.Request) {
	items := []map[string]any{}
	for i, text := range s.versions {
		if text != nil {
			items = append(items, map[string]any{"VersionNumber": i + 1})
		}
	}
	answer(w, http.StatusOK, map[string]any{"Items": items})
}

func (s *service) createVersion(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	latest := len(s.versions)
	for latest > 0 && s.versions[latest-1] == nil {
		latest--
	}
	switch {
	case err != nil:
		return
	case r.Header.Get("Latest-Version-Number") != strconv.Itoa(latest):
		refuse(w, http.StatusConflict, "ConflictException")
		return
	}
	s.versions = append(s.versions, text)
	w.Header().Set("Version-Number", strconv.Itoa(len(s.versions)))
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(text)
}

func (s *service) getVersion(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	if n < 1 || n > len(s.versions) || s.versions[n-1] == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.versions[n-1])
}

func (s *service) deleteVersion(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	s.versions[n-1] = nil
	w.WriteHeader(http.StatusNoContent)
}

func (s *service) listDeployments(w http.ResponseWriter, _ *http.Request) {
	s.look()
	items := []deployment{}
	for i := len(s.deployments) - 1; i >= 0; i-- {
		items = append(items, s.deployments[i])
	}
	answer(w, http.StatusOK, map[string]any{"Items": items})
}

func (s *service) startDeployment(w http.ResponseWriter, r *http.Request) {
	var in struct{ ConfigurationVersion, DeploymentStrategyId, ConfigurationProfileId string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.ConfigurationProfileId != "prof123" {
		refuse(w, http.StatusBadRequest, "BadRequestException")
		return
	}
	if s.deployments[len(s.deployments)-1].State == "DEPLOYING" {
		refuse(w, http.StatusConflict, "ConflictException")
		return
	}
	s.start("flags", in.ConfigurationVersion, in.DeploymentStrategyId)
	answer(w, http.StatusCreated, s.deployments[len(s.deployments)-1])
}

func (s *service) getDeployment(w http.ResponseWriter, r *http.Request) {
	s.look()
	n, _ := strconv.Atoi(r.PathValue("n"))
	answer(w, http.StatusOK, s.deployments[n-1])
}

func (s *service) stopDeployment(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	if s.deployments[n-1].State == "COMPLETE" && r.Header.Get("Allow-Revert") != "true" {
		refuse(w, http.StatusBadRequest, "BadRequestException")
		return
	}
	s.deployments[n-1].State = "REVERTED"
	answer(w, http.StatusAccepted, s.deployments[n-1])
}

func (s *service) createStrategy(w http.ResponseWriter, r *http.Request) {
	var in map[string]any
	_ = json.NewDecoder(r.Body).Decode(&in)
	in["Id"] = "own" + strconv.Itoa(len(s.strategies))
	s.strategies = append(s.strategies, in)
	answer(w, http.StatusCreated, in)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	answer(w, status, map[string]string{"Message": "refused"})
}
