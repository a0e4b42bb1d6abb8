package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// maxBody is more than any request of the functions has, in bytes.
const maxBody = 16 << 20

// Gateway is the one endpoint.
type Gateway struct {
	Functions Functions // answers lambda:Invoke
	Machines  Machines  // answers Step Functions

	backend *httputil.ReverseProxy
	one     sync.Mutex // moto answers two transactions at once wrongly, and loses a message that comes while another is deleted

	mu       sync.Mutex
	roles    map[string]Role
	policies map[string]Policy // by ARN
	faults   []*Fault
	calls    []Call
}

// Fault makes calls fail.
type Fault struct {
	Caller    string // access key; empty is anybody
	Operation string // such as dynamodb:UpdateItem, or dynamodb:* for all of a service
	Status    int
	Code      string      // such as ProvisionedThroughputExceededException
	Times     int         // how many calls; negative until Mend
	When      func() bool // the calls that it hits, where not all; it must not ask the gateway
	Do        func()      // called first, to end the caller; without a Code the call does its work then
	Landed    bool        // the call does its work, and only the answer is lost

	hits int
}

// NewGateway gives a gateway before a program at an address such as http://127.0.0.1:5000.
func NewGateway(backend string) (*Gateway, error) {
	to, err := url.Parse(backend)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = to.Host
		},
		ErrorLog: log.New(io.Discard, "", 0), // what a caller has given up is not of interest
	}
	return &Gateway{backend: proxy, roles: map[string]Role{}, policies: map[string]Policy{}}, nil
}

// Let gives an access key the rights of a role. A key without a role may do everything.
func (g *Gateway) Let(key string, role Role) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.roles[key] = role
}

// Fail adds a fault.
func (g *Gateway) Fail(f Fault) *Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, &f)
	return &f
}

// Mend ends all faults and gives how many calls each has hit.
func (g *Gateway) Mend() (hits []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.faults {
		hits = append(hits, f.hits)
	}
	g.faults = nil
	return hits
}

// Calls gives every call so far.
func (g *Gateway) Calls() []Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Call{}, g.calls...)
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, &Error{Status: http.StatusBadRequest, Code: "BadRequest", Message: err.Error()})
		return
	}
	call, err := readCall(r, body)
	if err != nil {
		refuse(w, &Error{Status: http.StatusBadRequest, Code: "BadRequest", Message: err.Error()})
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	fault, denied := g.admit(call)
	began := time.Now()
	defer func() { g.note(call, denied != nil, time.Since(began)) }()
	switch {
	case denied != nil:
		refuse(w, denied)
	case fault == nil:
		g.serve(w, r, call, body)
	default:
		g.fail(w, r, call, body, fault)
	}
}

func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, call Call, body []byte, f *Fault) {
	if f.Do != nil {
		f.Do()
	}
	if f.Landed || f.Code == "" { // also where the caller has hung up
		g.serve(&deaf{header: http.Header{}}, r.WithContext(context.WithoutCancel(r.Context())), call, body)
	}
	if f.Code == "" {
		return
	}
	refuse(w, &Error{Status: f.Status, Code: f.Code, Message: "the test says so"})
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, call Call, body []byte) {
	switch call.Service {
	case lambda:
		g.Functions.serve(w, r, call, body)
	case states:
		g.Machines.serve(w, r, call, body)
	case dynamoDB, sqs, events:
		g.one.Lock()
		defer g.one.Unlock()
		g.backend.ServeHTTP(w, r)
	default:
		g.backend.ServeHTTP(w, r)
	}
}

func (g *Gateway) note(call Call, denied bool, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	call.Denied, call.Took = denied, took
	g.calls = append(g.calls, call)
}

// admit tells whether the caller may make a call and whether it is to fail.
func (g *Gateway) admit(call Call) (*Fault, *Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	role, known := g.roles[call.Caller]
	if known {
		if missing := role.missing(call); missing != "" {
			return nil, &Error{Status: http.StatusForbidden, Code: denied, Message: fmt.Sprintf("User: %s is not authorized to perform: %s", call.Caller, missing)}
		}
	}
	for _, f := range g.faults {
		if f.Times != 0 && f.concerns(call) {
			f.Times--
			f.hits++
			return f, nil
		}
	}
	return nil, nil
}

func (f *Fault) concerns(call Call) bool {
	operation := call.Service + ":" + call.Operation
	return (f.Caller == "" || f.Caller == call.Caller) && matches(f.Operation, operation) && (f.When == nil || f.When())
}

func refuse(w http.ResponseWriter, e *Error) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Errortype", e.Code)
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": e.Code, "message": e.Message}) // the caller is gone, then
}

// deaf takes an answer that nobody hears.
type deaf struct{ header http.Header }

func (d *deaf) Header() http.Header         { return d.header }
func (d *deaf) Write(p []byte) (int, error) { return len(p), nil }
func (d *deaf) WriteHeader(int)             {}
