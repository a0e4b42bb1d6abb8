// Package intake takes in what others send: token, size, form, then durably into a queue, then 202. It
// decides nothing and knows neither policy nor ledger, so that it stays small and starts fast.
//
//	POST /webhooks/alertmanager                 Alertmanager's webhook, version 4
//	POST /webhooks/alertmanager/api/v2/alerts   the bare list of Prometheus and vmalert
//	POST /webhooks/argocd                       Argo CD's notifications
package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/bearer"
)

// Unknown is the sender of what none of ours sends.
const Unknown = "unknown"

// MaxBody is how long a webhook's body may be, in bytes.
const MaxBody = 1 << 20

// Errors of taking something in.
var (
	ErrRefused  = errors.New("refused")   // no retry mends what was sent; the wrapped text says why
	ErrTooLarge = errors.New("too large") // a Queue's answer to a message that it can never hold
	errNotKept  = errors.New("could not be kept: send it again")
)

// Message is what is sent to the queue. Messages of one group keep their order; one of the same ID that is
// sent again within the queue's window is no new message.
type Message struct {
	Group string
	ID    string
	Body  []byte
}

// Queue keeps messages: durably, once Send returns nil.
type Queue interface {
	Send(ctx context.Context, m Message) error
}

// Intake takes in.
type Intake struct {
	Authorize func(r *http.Request) error // bearer.ErrUnchecked: it is not known whether the request may come in
	Queue     Queue
	Count     func(sender string, status int) // called for each request with what it was answered
	Log       *slog.Logger
}

// Serve routes the webhooks of the kinds; any other path below /webhooks/ is answered with which there are.
func (in *Intake) Serve(mux *http.ServeMux, kinds ...Kind) {
	var known []string
	for _, k := range kinds {
		known = append(known, k.path())
		mux.HandleFunc("POST "+k.path(), func(w http.ResponseWriter, r *http.Request) { in.serve(w, r, k) })
	}
	mux.HandleFunc("/webhooks/", func(w http.ResponseWriter, r *http.Request) { in.astray(w, r, known) })
}

// serve answers a webhook. A sender that gets a 4xx has sent what no retry mends; a 5xx is to be sent again.
func (in *Intake) serve(w http.ResponseWriter, r *http.Request, k Kind) {
	status, err := in.take(w, r, k)
	in.Count(string(k), status)
	if err != nil {
		in.Log.WarnContext(r.Context(), "webhook not taken", "sender", string(k), "status", status, "error", err)
		problem(w, status, err)
		return
	}
	w.WriteHeader(status)
}

func (in *Intake) take(w http.ResponseWriter, r *http.Request, k Kind) (int, error) {
	err := in.Authorize(r)
	switch {
	case errors.Is(err, bearer.ErrUnchecked): // Alertmanager sends what is refused never again
		return http.StatusServiceUnavailable, err
	case err != nil:
		return http.StatusUnauthorized, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge, fmt.Errorf("body is larger than %d bytes: set max_alerts on the receiver", MaxBody)
	}
	if err != nil {
		return http.StatusBadRequest, errors.New("body could not be read to its end")
	}
	group, err := k.group(body)
	switch {
	case errors.Is(err, alertmanager.ErrTooMany):
		return http.StatusRequestEntityTooLarge, err
	case err != nil:
		return http.StatusBadRequest, err
	}
	err = in.keep(r.Context(), k, group, body)
	switch {
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge, errors.New("body is larger than the queue takes: set max_alerts on the receiver")
	case err != nil:
		in.Log.ErrorContext(r.Context(), "queue", "error", err)
		return http.StatusServiceUnavailable, fmt.Errorf("message %w", errNotKept)
	}
	return http.StatusAccepted, nil
}

// Take takes in what came another way than as a webhook, from a sender that was let in already. ErrRefused:
// it can never be taken, and the error says why.
func (in *Intake) Take(ctx context.Context, k Kind, body []byte) error {
	if len(body) > MaxBody {
		return fmt.Errorf("%w: it is larger than %d bytes: set max_alerts on the receiver", ErrRefused, MaxBody)
	}
	group, err := k.group(body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	err = in.keep(ctx, k, group, body)
	if errors.Is(err, ErrTooLarge) {
		return fmt.Errorf("%w: %w for the queue: set max_alerts on the receiver", ErrRefused, err)
	}
	return err
}

func (in *Intake) keep(ctx context.Context, k Kind, group string, body []byte) error {
	raw, err := json.Marshal(Envelope{Kind: k, ReceivedAt: time.Now(), Body: body})
	if err != nil {
		return fmt.Errorf("envelope: %w", err)
	}
	sum := sha256.Sum256(append([]byte(k), body...))
	return in.Queue.Send(ctx, Message{Group: group, ID: hex.EncodeToString(sum[:]), Body: raw})
}

// astray answers what no sender of ours sends: another path, or not a POST.
func (in *Intake) astray(w http.ResponseWriter, r *http.Request, known []string) {
	status, err := http.StatusNotFound, fmt.Errorf("no such webhook: send to one of %s", strings.Join(known, ", "))
	if slices.Contains(known, r.URL.Path) {
		status, err = http.StatusMethodNotAllowed, errors.New("a webhook is sent with POST")
		w.Header().Set("Allow", http.MethodPost)
	}
	in.Count(Unknown, status)
	problem(w, status, err)
}

// problem answers as api.Problem does, which this package is too small to import.
func problem(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // the client is gone: nobody left to tell
}
