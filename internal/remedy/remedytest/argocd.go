package remedytest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/cinegit/guardian/internal/deploy"
)

// User is who Argo CD says Guardian is.
const User = "guardian"

// ArgoCD is Argo CD in memory. Its time is Now's; what happens between two calls happens at its due
// time. Safe for concurrent use.
type ArgoCD struct {
	Now func() time.Time

	mu    sync.Mutex
	apps  map[string]*app
	fails map[string][]Fault
	calls map[string]int
	hook  func(method string)
	down  bool
	log   []string
}

// Fault is how a call fails: with Err, before it had its effect or, if Landed, after it.
type Fault struct {
	Err    error
	Landed bool
}

// New makes an Argo CD without applications.
func New(now func() time.Time) *ArgoCD {
	return &ArgoCD{Now: now, apps: map[string]*app{}, fails: map[string][]Fault{}, calls: map[string]int{}}
}

// Fail makes the next calls of a method (get, windows, rollback, terminate, patch) fail.
func (a *ArgoCD) Fail(method string, faults ...Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fails[method] = append(a.fails[method], faults...)
}

// Down makes every call fail with deploy.ErrUnavailable while it is true.
func (a *ArgoCD) Down(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// Heal ends every fault.
func (a *ArgoCD) Heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.fails)
	a.down, a.hook = false, nil
}

// OnCall calls hook before each call is served.
func (a *ArgoCD) OnCall(hook func(method string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hook = hook
}

// Calls tells how often a method was called.
func (a *ArgoCD) Calls(method string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[method]
}

// Landed gives Guardian's changes that took effect, in their order: "rollback review-prod 0".
func (a *ArgoCD) Landed() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.log)
}

// Application implements remedy.Deployer.
func (a *ArgoCD) Application(_ context.Context, ref deploy.Ref) (out deploy.Application, err error) {
	err = a.call("get", ref, "get", func(app *app) error {
		out = app.read(a.Now())
		return nil
	})
	return out, err
}

// SyncAllowed implements remedy.Deployer.
func (a *ArgoCD) SyncAllowed(_ context.Context, ref deploy.Ref) (allowed bool, why string, err error) {
	err = a.call("windows", ref, "get", func(app *app) error {
		allowed = !app.parks()
		if !allowed {
			why = "deny window"
		}
		return nil
	})
	return allowed, why, err
}

// Rollback implements remedy.Deployer.
func (a *ArgoCD) Rollback(_ context.Context, ref deploy.Ref, id int64, prune bool) error {
	return a.call("rollback", ref, "sync", func(app *app) error {
		at := slices.IndexFunc(app.history, func(e deploy.Entry) bool { return e.ID == id })
		switch {
		case app.automated != nil:
			return fmt.Errorf("rollback cannot be initiated when auto-sync is enabled: %w", deploy.ErrAutoSync)
		case app.busy():
			return fmt.Errorf("another operation is already in progress: %w", deploy.ErrBusy)
		case at < 0:
			return fmt.Errorf("application %s does not have deployment with id %d: %w", app.ref, id, deploy.ErrGone)
		}
		entry := app.history[at]
		app.begin(operation{by: User, rollback: true, prune: prune, revisions: entry.Revisions, sources: entry.Sources}, a.Now())
		a.note("rollback %s %d%s", app.ref, id, map[bool]string{true: " prune"}[prune])
		return nil
	})
}

// Terminate implements remedy.Deployer.
func (a *ArgoCD) Terminate(_ context.Context, ref deploy.Ref) error {
	return a.call("terminate", ref, "sync", func(app *app) error {
		if app.busy() && app.op.phase != deploy.PhaseTerminating {
			app.op.phase, app.op.due = deploy.PhaseTerminating, a.Now().Add(terminates)
			a.note("terminate %s", app.ref)
		}
		return nil
	})
}

// Patch implements remedy.Deployer.
func (a *ArgoCD) Patch(_ context.Context, ref deploy.Ref, mergePatch []byte) error {
	return a.call("patch", ref, "update", func(app *app) error {
		before, err := json.Marshal(app.spec())
		if err != nil {
			return err
		}
		after, err := jsonpatch.MergePatch(before, mergePatch)
		if err != nil {
			return fmt.Errorf("%w: %w", deploy.ErrRefused, err)
		}
		var s spec
		if err := json.Unmarshal(after, &s); err != nil {
			return fmt.Errorf("%w: %w", deploy.ErrRefused, err)
		}
		app.setSpec(s)
		a.note("patch %s %s", app.ref, mergePatch)
		return nil
	})
}

// call serves one call: hook, faults, rights, and then do.
func (a *ArgoCD) call(method string, ref deploy.Ref, right string, do func(*app) error) error {
	a.mu.Lock()
	a.calls[method]++
	hook := a.hook
	a.mu.Unlock()
	if hook != nil {
		hook(method)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	fault := a.next(method)
	if fault.Err != nil && !fault.Landed {
		return fault.Err
	}
	app := a.apps[ref.String()]
	if app != nil && app.gone {
		app = nil
	}
	switch {
	case app == nil && ref.Project == "":
		return fmt.Errorf("permission denied: %w", deploy.ErrDenied)
	case app == nil:
		return fmt.Errorf("application %s: %w", ref, deploy.ErrNotFound)
	case slices.Contains(app.denied, right):
		return fmt.Errorf("permission denied: applications, %s, %s: %w", right, ref, deploy.ErrDenied)
	}
	app.advance(a.Now())
	if err := do(app); err != nil {
		return err
	}
	app.advance(a.Now())
	return fault.Err
}

func (a *ArgoCD) next(method string) Fault {
	if a.down {
		return Fault{Err: fmt.Errorf("connection refused: %w", deploy.ErrUnavailable)}
	}
	queue := a.fails[method]
	if len(queue) == 0 {
		return Fault{}
	}
	a.fails[method] = queue[1:]
	return queue[0]
}

func (a *ArgoCD) note(format string, args ...any) {
	a.log = append(a.log, fmt.Sprintf(format, args...))
}
