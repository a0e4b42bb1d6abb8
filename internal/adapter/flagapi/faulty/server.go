// Package faulty serves the fakes of flag services over HTTP and makes their calls fail, for tests.
package faulty

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/cinegit/guardian/internal/flag/flagtest"
)

// Server serves a handler on loopback until the test ends.
type Server struct {
	URL     string
	handler http.Handler

	mu     sync.Mutex
	fault  flagtest.Fault // of the next matching call; "" is none
	match  func(*http.Request) bool
	seen   func()
	before func()
}

// Serve starts a server.
func Serve(t *testing.T, handler http.Handler) *Server {
	t.Helper()
	s := &Server{handler: handler}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // first: a silent call ends with its connection
	s.URL = server.URL
	return s
}

// Fail makes the next call that matches fail. Of a Silent one, seen is called when it has come in.
func (s *Server) Fail(fault flagtest.Fault, seen func(), match func(*http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.seen, s.match = fault, seen, match
}

// Before runs do just before the next call that matches is handled.
func (s *Server) Before(match func(*http.Request) bool, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.match = do, match
}

// take gives what is planned for a call, and forgets it.
func (s *Server) take(r *http.Request) (fault flagtest.Fault, seen, before func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.match == nil || !s.match(r) {
		return "", nil, nil
	}
	fault, seen, before = s.fault, s.seen, s.before
	s.fault, s.seen, s.before, s.match = "", nil, nil, nil
	return fault, seen, before
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault, seen, before := s.take(r)
	if before != nil {
		before()
	}
	switch fault {
	case flagtest.Lost:
		panic(http.ErrAbortHandler)
	case flagtest.Landed:
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case flagtest.Broken:
		w.WriteHeader(http.StatusServiceUnavailable)
	case flagtest.Limited:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	case flagtest.Silent:
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller goes away
		seen()
		<-r.Context().Done()
	default:
		s.handler.ServeHTTP(w, r)
	}
}
