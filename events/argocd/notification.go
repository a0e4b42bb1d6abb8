// Package argocd reads what Argo CD's notifications controller posts, with the template that
// docs/argocd.md gives to paste.
package argocd

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/cinegit/guardian/events/internal/jsonbody"
)

// Notification says that something happened to an application. It is a hint to look: what runs is
// always read from Argo CD itself, so only the application's name is needed. Fields beyond these are
// ignored.
type Notification struct {
	Application string    // metadata.name
	Namespace   string    // metadata.namespace; empty where the template leaves it out
	Project     string    // spec.project
	Phase       string    // status.operationState.phase; may be empty
	FinishedAt  time.Time // status.operationState.finishedAt; zero while it runs
}

// body takes our own template, and a whole Application ({{toJson .app}}).
type body struct {
	App            json.RawMessage `json:"app"`
	Namespace      string          `json:"namespace"`
	Project        string          `json:"project"`
	OperationPhase *string         `json:"operationPhase"`
	FinishedAt     moment          `json:"finishedAt"`

	Kind     string `json:"kind"`
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Project string `json:"project"`
	} `json:"spec"`
	Status struct {
		OperationState struct {
			Phase      string `json:"phase"`
			FinishedAt moment `json:"finishedAt"`
		} `json:"operationState"`
	} `json:"status"`
}

// moment is a time that may be missing: a template writes "<no value>" for a field that is not there yet,
// and a hint is none the worse for it.
type moment time.Time

// UnmarshalJSON reads RFC 3339; anything else is the zero time.
func (m *moment) UnmarshalJSON(raw []byte) error {
	var t time.Time
	if t.UnmarshalJSON(raw) != nil {
		t = time.Time{}
	}
	*m = moment(t)
	return nil
}

// Parse reads a notification.
func Parse(raw []byte) (Notification, error) {
	var b body
	if err := jsonbody.Decode(raw, &b); err != nil {
		return Notification{}, err
	}
	if b.Kind == "Application" {
		state := b.Status.OperationState
		return named(Notification{
			Application: b.Metadata.Name, Namespace: b.Metadata.Namespace, Project: b.Spec.Project,
			Phase: state.Phase, FinishedAt: time.Time(state.FinishedAt),
		})
	}
	n := Notification{Namespace: b.Namespace, Project: b.Project, FinishedAt: time.Time(b.FinishedAt)}
	if len(b.App) > 0 && json.Unmarshal(b.App, &n.Application) != nil {
		return Notification{}, errors.New("field \"app\" is not a string: send the application's name")
	}
	if b.OperationPhase != nil {
		n.Phase = *b.OperationPhase
	}
	return named(n)
}

func named(n Notification) (Notification, error) {
	if n.Application == "" {
		return Notification{}, errors.New("field \"app\" is missing: send the application's name")
	}
	return n, nil
}
