package remedy_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/cdk/asl"
	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reconcile"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
	"github.com/cinegit/guardian/internal/workflow"
)

// process is the flow run by the state machine of cdk/asl, on one store, in the bubble's time.
type process struct {
	health.Querier // asked for no ranges: the gate has no tolerance

	t      *testing.T
	store  *memledger.Store
	ledger *ledger.Ledger
	argo   *remedytest.ArgoCD
	flow   *remedy.Flow
	rec    *reconcile.Reconciler
	runner *workflow.Runner
	died   chan struct{}
}

// Query implements health.Querier: v42 fails a fifth of the requests.
func (p *process) Query(context.Context, string, time.Time) ([]float64, error) {
	if strings.HasSuffix(strings.Join(p.argo.Runs(app()), " "), ":v42") {
		return []float64{0.2}, nil
	}
	return []float64{0.001}, nil
}

// Link implements health.Querier.
func (*process) Link(string, time.Time) string { return "" }

func newProcess(t *testing.T, pol *policy.Policy) *process {
	t.Helper()
	p := &process{t: t, store: memledger.New(), argo: remedytest.New(time.Now), died: make(chan struct{}, 1)}
	p.ledger = &ledger.Ledger{Store: p.store}
	current, judge, log := func() *policy.Policy { return pol }, health.Judge{Metrics: p}, slog.New(slog.DiscardHandler)
	p.flow = &remedy.Flow{
		Policy: current, Ledger: p.ledger, Health: judge, Deployer: p.argo, Switch: &scenario.Switch{May: true}, Now: time.Now, Log: log,
	}
	p.rec = &reconcile.Reconciler{Policy: current, Ledger: p.ledger, Health: judge, Deployer: p.argo, Now: time.Now, Log: log}
	p.argo.Create(app())
	p.begin()
	return p
}

// begin starts the runner and what is open, as the process does when it starts.
func (p *process) begin() {
	p.t.Helper()
	machine, err := workflow.Load(asl.Remediation)
	must(p.t, err)
	functions := map[string]workflow.Function{}
	for _, name := range machine.Functions() {
		functions[name] = p.step
	}
	p.runner, err = workflow.New("remediation", machine, p.store, functions, workflow.Options{Log: slog.New(slog.DiscardHandler)})
	must(p.t, err)
	must(p.t, p.runner.Resume(p.t.Context()))
	open, err := p.ledger.OpenIncidents(p.t.Context())
	must(p.t, err)
	for _, inc := range open {
		_, err := p.runner.Start(p.t.Context(), inc.ID, map[string]string{"id": inc.ID})
		must(p.t, err)
	}
}

func (p *process) step(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	var task remedy.Task
	if err := json.Unmarshal(payload, &task); err != nil {
		return nil, err
	}
	if task.Step == remedy.StepLook {
		return json.RawMessage(`{}`), p.rec.Target(ctx, review())
	}
	answer, err := p.flow.Handle(ctx, task)
	if err != nil {
		return nil, transient{err}
	}
	return json.Marshal(answer)
}

type transient struct{ error }

func (transient) ErrorName() string { return "Transient" }

// kill ends the process in the midst of what it does, and begins it anew.
func (p *process) kill() {
	p.t.Helper()
	p.stop()
	p.begin()
}

// stop ends the process. Tasks in hand are cut off, and what the runner has to say of that is no matter.
func (p *process) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.runner.Stop(ctx)
	p.store.SetFaults(nil)
}

// remediate lets v42 replace v41, fires the alert, and goes on, dying where faults say, until the end.
func (p *process) remediate(faults memledger.Faults) (end ledger.Incident, died bool) {
	p.t.Helper()
	ctx := p.t.Context()
	for _, release := range []string{"v41", "v42"} {
		p.argo.Ship(app(), release, "ci")
		<-time.After(5 * time.Minute)
		must(p.t, p.rec.Target(ctx, review()))
		must(p.t, p.rec.Prove(ctx, review()))
	}
	d, err := p.flow.Dispatch(ctx, scenario.Alert("ManyErrors", "review", "prod", time.Now(), "firing"))
	must(p.t, err)
	p.store.SetFaults(func(op string, ops []ledger.Op) memledger.Fault {
		if faults == nil {
			return memledger.Fault{}
		}
		fault := faults(op, ops)
		if fault != (memledger.Fault{}) {
			select {
			case p.died <- struct{}{}:
			default:
			}
		}
		return fault
	})
	if _, err := p.runner.Start(ctx, d.Opened[0], map[string]string{"id": d.Opened[0]}); err != nil {
		died = true
		p.kill()
	}
	for range 600 {
		select {
		case <-p.died:
			died = true
			p.kill()
		case <-time.After(time.Second):
		}
		execution, err := p.runner.Describe(ctx, d.Opened[0])
		if err != nil || execution.Status == workflow.Running || len(p.died) > 0 {
			continue
		}
		if end, err = p.ledger.Incident(ctx, d.Opened[0]); err == nil {
			return end, died
		}
	}
	p.t.Error("the state machine does not come to its end")
	return end, died
}

func TestTheStateMachineRunsTheFlowToItsEndWhereverTheProcessDies(t *testing.T) {
	r := rules{}
	pol := r.policy(t)
	for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
		for n := -1; ; n++ {
			var died bool
			synctest.Test(t, func(t *testing.T) {
				p := newProcess(t, pol)
				defer p.stop()
				faults := memledger.CrashAtWrite(n, how)
				if n < 0 {
					faults = nil
				}
				var inc ledger.Incident
				inc, died = p.remediate(faults)
				if inc.End != ledger.Healed || len(inc.Effects) != 1 {
					t.Errorf("killed at write %d (landed: %t), it ended %q with %d effects: %s", n, how, inc.End, len(inc.Effects), inc.Reason)
				}
				if diff := cmp.Diff([]string{"rollback review-prod 0"}, p.argo.Landed()); diff != "" {
					t.Errorf("killed at write %d (landed: %t): %s", n, how, diff)
				}
			})
			if n >= 0 && !died {
				break
			}
		}
	}
}
