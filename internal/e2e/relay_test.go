//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// relay stands between the senders and the Guardians: it passes every webhook on as it came to the
// Guardian of its service, and notes when it came and what became of it. It is also where the Guardians
// tell people.
type relay struct {
	mu    sync.Mutex
	boxes map[string]*inbox // by service and by application
}

// inbox is what came for one test.
type inbox struct {
	guardian string // base URL

	mu      sync.Mutex
	onAlert func() // before the first firing alert is passed on
	alerts  []delivery
	said    []message
	synced  int // notifications of Argo CD that Guardian took
}

// delivery is one webhook of an Alertmanager.
type delivery struct {
	Sender string // a or b
	At     time.Time
	Status int // Guardian's answer; 0 where there was none
	Firing bool
	Body   []byte
}

// message is what Guardian told people.
type message struct {
	Incident string   `json:"incident"`
	Urgency  string   `json:"urgency"`
	Title    string   `json:"title"`
	Text     []string `json:"text"`
	End      string   `json:"end"`
}

func newRelay() *relay { return &relay{boxes: map[string]*inbox{}} }

func (r *relay) open(guardian, service, app string) *inbox {
	b := &inbox{guardian: guardian}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.boxes["service "+service], r.boxes["app "+app] = b, b
	return b
}

func (r *relay) close(service, app string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.boxes, "service "+service)
	delete(r.boxes, "app "+app)
}

func (r *relay) box(kind, name string) *inbox {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.boxes[kind+" "+name]
}

func (r *relay) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /alertmanager/{sender}", r.alertmanager)
	mux.HandleFunc("POST /argocd", r.argocd)
	mux.HandleFunc("POST /say/{service}", r.say)
	return mux
}

func (r *relay) alertmanager(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, "cannot read", http.StatusBadRequest)
		return
	}
	var m struct {
		Alerts []struct {
			Status string
			Labels map[string]string
		}
	}
	if err := json.Unmarshal(body, &m); err != nil || len(m.Alerts) == 0 {
		http.Error(w, "no alerts", http.StatusBadRequest)
		return
	}
	b := r.box("service", m.Alerts[0].Labels["service"])
	if b == nil {
		return // its test is over: nobody waits for it
	}
	d := delivery{Sender: req.PathValue("sender"), At: time.Now(), Body: body}
	for _, a := range m.Alerts {
		d.Firing = d.Firing || a.Status == "firing"
	}
	b.before(d)
	d.Status = pass(req, b.guardian+"/webhooks/alertmanager", body)
	b.mu.Lock()
	b.alerts = append(b.alerts, d)
	b.mu.Unlock()
	if d.Status == 0 {
		http.Error(w, "guardian does not answer", http.StatusBadGateway)
		return
	}
	w.WriteHeader(d.Status)
}

// onFirst sets what happens when the first firing alert comes in, before it is passed on.
func (b *inbox) onFirst(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onAlert = do
}

// before calls the test's hook, once, and lets every other delivery wait for it.
func (b *inbox) before(d delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.Firing && b.onAlert != nil {
		b.onAlert()
		b.onAlert = nil
	}
}

func (r *relay) argocd(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var n struct{ App string }
	if err != nil || json.Unmarshal(body, &n) != nil {
		http.Error(w, "cannot read", http.StatusBadRequest)
		return
	}
	b := r.box("app", n.App)
	if b == nil {
		return
	}
	status := pass(req, b.guardian+"/webhooks/argocd", body)
	if status == 0 {
		http.Error(w, "guardian does not answer", http.StatusBadGateway)
		return
	}
	if status == http.StatusAccepted {
		b.mu.Lock()
		b.synced++
		b.mu.Unlock()
	}
	w.WriteHeader(status)
}

func (r *relay) say(w http.ResponseWriter, req *http.Request) {
	var m message
	if err := json.NewDecoder(req.Body).Decode(&m); err != nil {
		http.Error(w, "cannot read", http.StatusBadRequest)
		return
	}
	if b := r.box("service", req.PathValue("service")); b != nil {
		b.mu.Lock()
		b.said = append(b.said, m)
		b.mu.Unlock()
	}
}

// pass sends a request on with its token and gives the status of the answer, 0 where there was none.
func pass(req *http.Request, url string, body []byte) int {
	on, err := http.NewRequestWithContext(req.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	on.Header = req.Header.Clone()
	res, err := http.DefaultClient.Do(on)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}

// firing gives the deliveries of firing alerts, the first first.
func (b *inbox) firing() []delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []delivery
	for _, d := range b.alerts {
		if d.Firing {
			out = append(out, d)
		}
	}
	return out
}

// notified tells how many notifications of Argo CD Guardian took.
func (b *inbox) notified() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.synced
}

// messages gives what people were told.
func (b *inbox) messages() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]message(nil), b.said...)
}
