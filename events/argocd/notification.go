// Package argocd reads what Argo CD's notifications controller posts, with the template that
// docs/argocd.md gives to paste.
package argocd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
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
	FinishedAt     *time.Time      `json:"finishedAt"`

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
			Phase      string    `json:"phase"`
			FinishedAt time.Time `json:"finishedAt"`
		} `json:"operationState"`
	} `json:"status"`
}

// Parse reads a notification.
func Parse(raw []byte) (Notification, error) {
	if len(strings.TrimSpace(string(raw))) == 0 {
		return Notification{}, errors.New("body is empty")
	}
	if !utf8.Valid(raw) {
		return Notification{}, errors.New("body is not valid UTF-8")
	}
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		return Notification{}, describe(err, len(raw))
	}
	if b.Kind == "Application" {
		state := b.Status.OperationState
		return named(Notification{
			Application: b.Metadata.Name, Namespace: b.Metadata.Namespace, Project: b.Spec.Project,
			Phase: state.Phase, FinishedAt: state.FinishedAt,
		})
	}
	n := Notification{Namespace: b.Namespace, Project: b.Project}
	if len(b.App) > 0 && json.Unmarshal(b.App, &n.Application) != nil {
		return Notification{}, errors.New("field \"app\" is not a string: send the application's name")
	}
	if b.OperationPhase != nil {
		n.Phase = *b.OperationPhase
	}
	if b.FinishedAt != nil {
		n.FinishedAt = *b.FinishedAt
	}
	return named(n)
}

func named(n Notification) (Notification, error) {
	if n.Application == "" {
		return Notification{}, errors.New("field \"app\" is missing: send the application's name")
	}
	return n, nil
}

func describe(err error, size int) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && int(syntax.Offset) >= size:
		return fmt.Errorf("body is cut off at byte %d", size)
	case errors.As(err, &syntax):
		return fmt.Errorf("body is not JSON: byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("field %q is a %s where a %s is expected", kind.Field, kind.Value, kind.Type)
	}
	return errors.New("body is not an Argo CD notification")
}
