// Package hand lets a function that may reach neither Argo CD nor a flag store ask the one that does: the
// ports of the alert flow over an invocation. On one side a Client, which is remedy.Deployer, remedy.Flags,
// flag.Store and remedy.Switch; on the other a Server over the real ones. What kind an error is crosses by
// name, so that errors.Is tells the same on both sides.
package hand

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

// The calls.
const (
	callProbe       = "probe"
	callApplication = "application"
	callSyncAllowed = "sync-allowed"
	callRollback    = "rollback"
	callTerminate   = "terminate"
	callPatch       = "patch"
	callFlag        = "flag"
	callFlags       = "flags"
	callKill        = "kill"
	callRestore     = "restore"
	callServing     = "serving"
	callMayAct      = "may-act"
)

// request is one call with its arguments.
type request struct {
	Call    string          `json:"call"`
	Ref     deploy.Ref      `json:"ref,omitzero"`
	ID      int64           `json:"id,omitempty"`
	Prune   bool            `json:"prune,omitempty"`
	Patch   []byte          `json:"patch,omitempty"`
	Key     string          `json:"key,omitempty"`
	Safe    string          `json:"safe,omitempty"`
	Before  flag.Definition `json:"before,omitzero"`
	Written flag.Definition `json:"written,omitzero"`
	Target  ledger.Target   `json:"target,omitzero"`
}

// reply is what came of a call.
type reply struct {
	Application *deploy.Application `json:"application,omitempty"`
	Definition  *flag.Definition    `json:"definition,omitempty"`
	Definitions []flag.Definition   `json:"definitions,omitempty"`
	Variant     string              `json:"variant,omitempty"`
	Allowed     bool                `json:"allowed,omitempty"`
	Why         string              `json:"why,omitempty"`
	Failed      *failure            `json:"failed,omitempty"`
}

// failure is an error on its way.
type failure struct {
	Text  string   `json:"text"`
	Kinds []string `json:"kinds,omitempty"`
}

// kinds are the errors whose meaning must survive the way. There are no others that a caller tells apart.
func kinds() map[string]error {
	return map[string]error{
		"deploy.denied":          deploy.ErrDenied,
		"deploy.unauthenticated": deploy.ErrUnauthenticated,
		"deploy.not-found":       deploy.ErrNotFound,
		"deploy.busy":            deploy.ErrBusy,
		"deploy.auto-sync":       deploy.ErrAutoSync,
		"deploy.gone":            deploy.ErrGone,
		"deploy.unavailable":     deploy.ErrUnavailable,
		"deploy.refused":         deploy.ErrRefused,
		"flag.not-found":         flag.ErrNotFound,
		"flag.conflict":          flag.ErrConflict,
		"flag.no-variant":        flag.ErrNoVariant,
		"flag.unavailable":       flag.ErrUnavailable,
		"flag.invalid":           flag.ErrInvalid,
		"flag.denied":            flag.ErrDenied,
		"canceled":               context.Canceled,
		"deadline":               context.DeadlineExceeded,
	}
}

func sent(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	for name, kind := range kinds() {
		if errors.Is(err, kind) {
			f.Kinds = append(f.Kinds, name)
		}
	}
	return f
}

// received gives an error of the same text and kinds as on the other side.
func (f *failure) received() error {
	if f == nil {
		return nil
	}
	known := kinds()
	err := &remote{text: f.Text}
	for _, name := range f.Kinds {
		if kind := known[name]; kind != nil {
			err.kinds = append(err.kinds, kind)
		}
	}
	return err
}

// remote is an error from the other side.
type remote struct {
	text  string
	kinds []error
}

func (e *remote) Error() string   { return e.text }
func (e *remote) Unwrap() []error { return e.kinds }

// IsCall tells whether a payload is a call of a port, and not a step of a state machine.
func IsCall(payload []byte) bool {
	var r struct {
		Call string `json:"call"`
	}
	return json.Unmarshal(payload, &r) == nil && r.Call != ""
}
