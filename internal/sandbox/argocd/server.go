// Package argocd is an Argo CD in memory: its applications, a git repository, a cluster that rolls
// out images, and the API that Guardian uses, with the answers and the delays of a real 2.14. It
// serves the demo over gRPC and the tests in process, in real or in virtual time. One contract suite
// (internal/deploy/deploytest) runs on it and on a real Argo CD.
package argocd

import (
	"cmp"
	"crypto/tls"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
)

// Namespace is Argo CD's own namespace: that of applications that name none.
const Namespace = "argocd"

// Options of a Server. The zero value is an Argo CD with real delays that knows no account.
type Options struct {
	Now      func() time.Time   // the clock; nil is time.Now
	Timings  Timings            // how long things take; zero fields are those of RealTimings
	Accounts map[string]Account // by API token
	TLS      *tls.Config        // for Start; nil is plain text
	// OnChange is called after an application changed, from any goroutine and without a lock held,
	// so it may call the Server. With Start or Run it is called as things happen, else with the
	// next call.
	OnChange func(app deploy.Ref)
}

// Account is who an API token speaks for, and what it may do with applications.
type Account struct {
	Name   string
	Get    bool
	Sync   bool
	Update bool
}

// Timings say how long things take.
type Timings struct {
	PickUp    time.Duration // from an operation's request to Running
	Sync      time.Duration // from Running to its end
	Stale     time.Duration // from an operation's end to the first look at what it did; until then health is old
	Ready     time.Duration // from a roll-out's start to all pods ready
	Deadline  time.Duration // from a roll-out's start to Degraded where pods never get ready
	Terminate time.Duration // from the request to end an operation to its end
	Poll      time.Duration // between two looks at git
	SelfHeal  time.Duration // from an operation's end to the first that undoes a manual change
	Grace     time.Duration // how long an unreadable git leaves the whole status as it was
}

// RealTimings were measured on a real Argo CD with small applications and the stock polling interval.
func RealTimings() Timings {
	return Timings{
		PickUp:    20 * time.Millisecond,
		Sync:      150 * time.Millisecond,
		Stale:     200 * time.Millisecond,
		Ready:     500 * time.Millisecond,
		Deadline:  8 * time.Second,
		Terminate: 4 * time.Second,
		Poll:      2 * time.Minute,
		SelfHeal:  5 * time.Second,
		Grace:     3 * time.Minute,
	}
}

func (t Timings) orReal() Timings {
	real := RealTimings()
	return Timings{
		PickUp:    cmp.Or(t.PickUp, real.PickUp),
		Sync:      cmp.Or(t.Sync, real.Sync),
		Stale:     cmp.Or(t.Stale, real.Stale),
		Ready:     cmp.Or(t.Ready, real.Ready),
		Deadline:  cmp.Or(t.Deadline, real.Deadline),
		Terminate: cmp.Or(t.Terminate, real.Terminate),
		Poll:      cmp.Or(t.Poll, real.Poll),
		SelfHeal:  cmp.Or(t.SelfHeal, real.SelfHeal),
		Grace:     cmp.Or(t.Grace, real.Grace),
	}
}

// Server is the Argo CD. Its methods are what people and other systems do to it; Client and Start
// give Guardian's side. It may be used from several goroutines.
type Server struct {
	options Options
	timings Timings
	wake    chan struct{} // tells Run that the agenda changed

	mu      sync.Mutex
	agenda  agenda
	commits []commit // oldest first
	apps    map[deploy.Ref]*app
	windows map[string]window // closed ones, by project
	faults  []Fault
	down    bool
	changed []deploy.Ref
	stop    func() // ends what Start began
}

// New builds a Server without applications and with an empty repository.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Server{
		options: options,
		timings: options.Timings.orReal(),
		wake:    make(chan struct{}, 1),
		apps:    map[deploy.Ref]*app{},
		windows: map[string]window{},
	}
}

// update lets everything happen that is due, then makes a change, then tells of what changed.
func (s *Server) update(change func(now time.Time)) {
	s.mu.Lock()
	now := s.options.Now()
	s.agenda.advance(now)
	change(now)
	changed := s.changed
	s.changed = nil
	s.mu.Unlock()

	select {
	case s.wake <- struct{}{}:
	default: // Run has been told already
	}
	if s.options.OnChange == nil {
		return
	}
	for _, ref := range changed {
		s.options.OnChange(ref)
	}
}

// touch notes that the application changed.
func (s *Server) touch(a *app) { s.changed = append(s.changed, a.ref()) }

func key(ref deploy.Ref) deploy.Ref {
	return deploy.Ref{Name: ref.Name, Namespace: cmp.Or(ref.Namespace, Namespace)}
}
