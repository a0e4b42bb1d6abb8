package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/events/argocd"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/queue"
)

// maxBody is how long a webhook's body may be.
const maxBody = 1 << 20

// Kinds of queued messages.
const (
	kindAlerts    = "alertmanager"
	kindAlertList = "alerts" // the bare list of Prometheus and vmalert
	kindArgoCD    = "argocd"
)

// envelope is what stands in the queue: a body that was parsed once and is kept as it came.
type envelope struct {
	Kind       string    `json:"kind"`
	ReceivedAt time.Time `json:"receivedAt"`
	Body       []byte    `json:"body"`
}

// intake takes a webhook in: token, size, form, then durably into the queue, then 202. A sender that
// gets a 4xx has sent what no retry mends; a 5xx is to be sent again.
func (g *Guardian) intake(kind string, group func(body []byte) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, err := g.take(w, r, kind, group)
		g.metrics.webhooks.WithLabelValues(kind, fmt.Sprint(status)).Inc()
		if err != nil {
			g.log.WarnContext(r.Context(), "webhook not taken", "sender", kind, "status", status, "error", err)
			problem(w, status, err)
			return
		}
		w.WriteHeader(status)
	}
}

func (g *Guardian) take(w http.ResponseWriter, r *http.Request, kind string, group func([]byte) (string, error)) (int, error) {
	if err := g.sender(r); err != nil {
		return http.StatusUnauthorized, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge, fmt.Errorf("body is larger than %d bytes: set max_alerts on the receiver", maxBody)
	}
	if err != nil {
		return http.StatusBadRequest, errors.New("body could not be read to its end")
	}
	id, err := group(body)
	if errors.Is(err, alertmanager.ErrTooMany) {
		return http.StatusRequestEntityTooLarge, err
	}
	if err != nil {
		return http.StatusBadRequest, err
	}
	raw, err := json.Marshal(envelope{Kind: kind, ReceivedAt: time.Now(), Body: body})
	if err != nil {
		return http.StatusInternalServerError, errors.New("message could not be kept")
	}
	sum := sha256.Sum256(append([]byte(kind), body...))
	_, err = g.queue.Send(r.Context(), queue.Message{GroupID: id, DeduplicationID: hex.EncodeToString(sum[:]), Body: raw})
	if err != nil {
		g.log.ErrorContext(r.Context(), "queue", "error", err)
		return http.StatusServiceUnavailable, errors.New("message could not be kept: send it again")
	}
	return http.StatusAccepted, nil
}

// astray answers what no sender of ours sends: another path, or not a POST.
func (g *Guardian) astray(w http.ResponseWriter, r *http.Request) {
	known := []string{"/webhooks/alertmanager", "/webhooks/alertmanager/api/v2/alerts", "/webhooks/argocd"}
	status, err := http.StatusNotFound, fmt.Errorf("no such webhook: send to one of %s", strings.Join(known, ", "))
	if slices.Contains(known, r.URL.Path) {
		status, err = http.StatusMethodNotAllowed, errors.New("a webhook is sent with POST")
		w.Header().Set("Allow", http.MethodPost)
	}
	g.metrics.webhooks.WithLabelValues("unknown", strconv.Itoa(status)).Inc()
	problem(w, status, err)
}

func alertsGroup(body []byte) (string, error) {
	m, err := alertmanager.Parse(body)
	if err != nil {
		return "", err
	}
	return kindAlerts + short(m.GroupKey), nil
}

func alertListGroup(body []byte) (string, error) {
	_, err := alertmanager.ParseList(body, time.Now())
	return kindAlertList, err
}

func argocdGroup(body []byte) (string, error) {
	n, err := argocd.Parse(body)
	return kindArgoCD + short(n.Namespace+"/"+n.Application), err
}

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "-" + hex.EncodeToString(sum[:6])
}

// problem answers with an api.Problem.
func problem(w http.ResponseWriter, status int, err error) {
	answer(w, status, api.Problem{Error: err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody left to tell
}
