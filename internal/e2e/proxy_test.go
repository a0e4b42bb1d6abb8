//go:build e2e

package e2e

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const rollbackCall = "Rollback"

// errLost is an answer that is lost on its way to Guardian.
var errLost = errors.New("the answer is lost")

// argoProxy is the line between one Guardian and Argo CD, over TLS on both sides. It notes every call,
// can be cut, and lets a test do something just before a rollback reaches Argo CD and just after it has.
type argoProxy struct {
	address, caFile string
	server          *httptest.Server

	mu     sync.Mutex
	cut    bool
	calls  map[string][]time.Time // by method, those that reached Argo CD
	before func() (pass bool)     // once
	after  func() (pass bool)     // once
}

func newArgoProxy(t testing.TB, upstream string) *argoProxy {
	t.Helper()
	p := &argoProxy{calls: map[string][]time.Time{}}
	target := &url.URL{Scheme: "https", Host: upstream}
	// Offered both, Argo CD takes HTTP/1.1, in which there is no gRPC.
	onlyHTTP2 := new(http.Protocols)
	onlyHTTP2.SetHTTP2(true)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: onlyHTTP2, DisableCompression: true,
		},
		ModifyResponse: p.reply,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { p.dropAll(); panic(http.ErrAbortHandler) },
		ErrorLog:       log.New(t.Output(), "", 0),
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.request(r) {
			p.dropAll()
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	p.server.Listener = &cutListener{Listener: p.server.Listener, isCut: p.isCut}
	p.server.Config.ErrorLog = log.New(t.Output(), "", 0)
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	t.Cleanup(p.server.Close)
	p.address = p.server.Listener.Addr().String()
	p.caFile = filepath.Join(t.TempDir(), "ca.pem")
	write(t, p.caFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})))
	return p
}

// request notes a call and tells whether it is passed on.
func (p *argoProxy) request(r *http.Request) bool {
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	p.mu.Lock()
	cut, before := p.cut, p.before
	if method == rollbackCall {
		p.before = nil
	} else {
		before = nil
	}
	p.mu.Unlock()
	if cut || before != nil && !before() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[method] = append(p.calls[method], time.Now())
	return true
}

// reply runs once Argo CD has answered: what was asked for is done.
func (p *argoProxy) reply(res *http.Response) error {
	if !strings.HasSuffix(res.Request.URL.Path, "/"+rollbackCall) {
		return nil
	}
	p.mu.Lock()
	after := p.after
	p.after = nil
	p.mu.Unlock()
	if after != nil && !after() {
		return errLost
	}
	return nil
}

// setCut cuts the line, or mends it.
func (p *argoProxy) setCut(cut bool) {
	p.mu.Lock()
	p.cut = cut
	p.mu.Unlock()
	if cut {
		p.dropAll()
	}
}

func (p *argoProxy) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

// dropAll ends the connections. It does not wait: a handler may be the caller.
func (p *argoProxy) dropAll() { go p.server.CloseClientConnections() }

// rollbacks are the times at which rollbacks were passed on to Argo CD.
func (p *argoProxy) rollbacks() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Time(nil), p.calls[rollbackCall]...)
}

// onRollback sets what happens at the next rollback: before it reaches Argo CD, and once Argo CD has
// answered. Each tells whether to pass it on; nil does.
func (p *argoProxy) onRollback(before, after func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.after = before, after
}

// cutListener hangs up on everybody while the line is cut.
type cutListener struct {
	net.Listener
	isCut func() bool
}

// Accept implements net.Listener.
func (l *cutListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !l.isCut() {
			return conn, err
		}
		conn.Close()
	}
}
